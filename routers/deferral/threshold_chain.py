"""Models one after another, each answer kept if it looks sure enough."""

from dataclasses import dataclass

from anabranch.routers.deferral.endings import last_answer
from anabranch.routers.deferral.state import Action, Answer, Call, State

NO_SIGNAL = ""
"""What a chain of one model reads."""


@dataclass(frozen=True)
class ThresholdChain:
    """Call the models in order; stop at the first whose signal reaches its threshold, at the latest at the last.

    An answer whose signal is not known is not sure. A failed call leads on; if the last one fails, the latest answer
    there is will do.

    Args:
        models: L numbers, usually the cheapest first.
        thresholds: L - 1 floats; -inf always keeps, +inf always goes on.
        signal: the name among `Candidate.signals`, higher is surer.

    Raises:
        ValueError: there is not one threshold for each model but the last.

    >>> from anabranch.routers.deferral.state import Candidate
    >>> import numpy as np
    >>> sure = Candidate(0, signals={"logprob_mean": -0.1})
    >>> ThresholdChain((0, 1), (-0.2,), "logprob_mean").decide(State((sure,), np.ones(2), np.ones(2), u=0.0))
    Answer(pick=0, reason='sure')
    """

    source = "Varshney and Baral 2022, arXiv 2210.05528"
    specification = "secondary"
    models: tuple[int, ...]
    thresholds: tuple[float, ...]
    signal: str

    def __post_init__(self) -> None:
        if len(self.thresholds) != len(self.models) - 1:
            raise ValueError(
                f"{len(self.models)} models need {len(self.models) - 1} thresholds, not {len(self.thresholds)}"
            )

    def decide(self, state: State) -> Action:
        """See `Deferral.decide`."""
        stage = len(state.candidates)
        if stage:
            latest = state.candidates[-1]
            if stage == len(self.models):
                return last_answer(state, "last")
            if not latest.failed and latest.signals.get(self.signal, float("nan")) >= self.thresholds[stage - 1]:
                return Answer(stage - 1, "sure")
        return Call((self.models[stage],), "first" if not stage else "unsure")

    def is_final(self, state: State, call: Call) -> bool:
        """See `Foreseeing.is_final`: the last model's answer is kept as it is."""
        return len(state.candidates) == len(self.models) - 1
