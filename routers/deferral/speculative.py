"""A pair of models that are called at once where the second one will probably be needed."""

from dataclasses import dataclass

import numpy as np

from anabranch.routers.deferral.endings import last_answer
from anabranch.routers.deferral.signal_maps import SignalMap
from anabranch.routers.deferral.state import Action, Answer, Call, State


@dataclass(frozen=True)
class Speculative:
    """A threshold chain of two that does not wait for the small model where that is worth more than it may waste.

    How likely the small model's answer is kept is foretold from a router's estimate of it. Both are called at once if

        usd_per_s * (deferred * wait_s - kept * late_s) > kept * cost of the large model

    where deferred is 1 - kept. The answer is that of the chain either way. What is not known is no reason to call.

    In a replay, and live, a wave is over once all its calls are: an answer that is kept waits for the large model's,
    `late_s` more. Whoever serves it so that a kept answer ends the other call has no such wait, `late_s` is 0, and may
    be billed less.

    Args:
        models: the small one and the large one.
        threshold: the least signal of a small answer that is kept; -inf keeps all that are known, +inf none.
        signal: the name among `Candidate.signals`, higher is surer.
        keeps: from the small model's estimated quality to how likely its answer is kept.
        wait_s: what is saved if both are needed: the usual time of the quicker one.
        usd_per_s: what a second of waiting is worth; with 0 it is the chain.
        late_s: by how much the large model is usually the slower one.

    Raises:
        ValueError: the models are one, or a second is worth less than nothing, or not a finite sum.

    >>> from anabranch.routers.deferral.signal_maps import Steps
    >>> import numpy as np
    >>> often = Speculative((0, 1), 0.9, "chance", Steps((0.0, 0.5), (0.25, 0.75)), wait_s=2.0, usd_per_s=1.0)
    >>> for small in (0.25, 0.5):  # 2 * 0.75 is more than 0.25 * 5, and 2 * 0.25 is less than 0.75 * 5
    ...     often.decide(State((), np.array([small, 0.875]), np.array([1.0, 5.0]), u=0.0))
    Call(models=(0, 1), reason='speculative')
    Call(models=(0,), reason='first')
    """

    source = "ours"
    specification = "ours"
    models: tuple[int, int]
    threshold: float
    signal: str
    keeps: SignalMap
    wait_s: float
    usd_per_s: float
    late_s: float = 0.0

    def __post_init__(self) -> None:
        if len(self.models) != 2 or self.models[0] == self.models[1]:
            raise ValueError(f"models {self.models}: a small one and a large one are called at once, two that differ")
        if not 0 <= self.usd_per_s < float("inf"):
            raise ValueError(f"a second is worth {self.usd_per_s} USD; it must be finite and 0 or more")

    def decide(self, state: State) -> Action:
        """See `Deferral.decide`."""
        called = {one.model: place for place, one in enumerate(state.candidates)}
        small, large = self.models
        if small not in called:
            return Call(self.models, "speculative") if self.speculates(state) else Call((small,), "first")
        answer = state.candidates[called[small]]
        if not answer.failed and answer.signals.get(self.signal, float("nan")) >= self.threshold:
            return Answer(called[small], "sure")
        if large not in called:
            return Call((large,), "unsure")
        if not state.candidates[called[large]].failed:
            return Answer(called[large], "last")
        return last_answer(state, "last")

    def is_final(self, state: State, call: Call) -> bool:
        """See `Foreseeing.is_final`: the large model, called by itself, is not doubted."""
        return call.models == self.models[1:]

    def speculates(self, state: State) -> bool:
        """Whether both are called at once, before any call."""
        small, large = self.models
        # as a `ReplayTable` keeps what the map was fitted on
        kept = float(self.keeps(np.float32(state.quality[small])))
        saved_s = (1 - kept) * self.wait_s - kept * self.late_s
        return self.usd_per_s * saved_s > kept * float(state.cost_usd[large])
