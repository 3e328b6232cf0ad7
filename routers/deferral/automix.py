"""A small model that checks its own answer, and what of the check is reason enough to ask the large one."""

from dataclasses import dataclass
from fractions import Fraction
from math import isnan

from anabranch.routers.deferral.endings import last_answer
from anabranch.routers.deferral.state import Action, Answer, Call, Candidate, State

MOST_CHECKS = 1000


@dataclass(frozen=True)
class AutoMix:
    """Keep the small model's answer or call the large model, by how often the small one found itself right.

    The set of shares at which to escalate is fitted, see `anabranch.training.replay.automix_fit`: asking the large
    model can be in vain where the small one is sure to be wrong. A share that is not known counts as 0.

    Args:
        models: the small one and the large one.
        escalate: B + 1 flags, one for each of the shares 0, 1/B ... 1 to which a share may be nearest.
        signal: share of self-checks that said correct, in [0, 1].
        always: keys that escalate whatever the check says, such as that of "unanswerable".

    Raises:
        ValueError: it is not two different models, or fewer than two flags.

    >>> from anabranch.routers.deferral.state import Candidate
    >>> import numpy as np
    >>> half_sure = Candidate(0, signals={"verify": 0.5})
    >>> AutoMix((0, 1), (False, True, False)).decide(State((half_sure,), np.ones(2), np.ones(2), u=0.0))
    Call(models=(1,), reason='unsure')
    """

    source = "AutoMix, arXiv 2310.12963"
    specification = "code"
    models: tuple[int, int]
    escalate: tuple[bool, ...]
    signal: str = "verify"
    always: tuple[str | int, ...] = ()

    def __post_init__(self) -> None:
        if len(self.models) != 2 or self.models[0] == self.models[1]:
            raise ValueError(f"models {self.models} must be a small one and a large one")
        if len(self.escalate) < 2:
            raise ValueError(f"{len(self.escalate)} flags; B bins need B + 1 of them, and B is at least 1")

    def decide(self, state: State) -> Action:
        """See `Deferral.decide`."""
        small, large = self.models
        if not state.candidates:
            return Call((small,), "first")
        if state.calls_of(large):
            return last_answer(state, "large")
        reason = self._doubt(state.candidates[0])
        return Call((large,), reason) if reason else Answer(0, "sure")

    def is_final(self, state: State, call: Call) -> bool:
        """See `Foreseeing.is_final`: the large model is not checked."""
        return call.models == self.models[1:]

    def _doubt(self, answer: Candidate) -> str:
        """Why to escalate; empty if there is no reason."""
        if answer.failed:
            return "failed"
        if answer.key is not None and answer.key in self.always:
            return "always"
        share = answer.signals.get(self.signal, 0.0)
        return "unsure" if self.escalate[bin_of(share, len(self.escalate) - 1)] else ""


def bin_of(share: float, bins: int) -> int:
    """Which of 0, 1/B ... 1 a share is nearest to, halves upwards, exactly.

    The share is first read back as the fraction of at most 1000 checks that it was, so that neither its rounding to
    float32 nor that of 1/B moves it to another bin. A share that is not known (NaN) is in bin 0.

    Args:
        share: in [0, 1].
        bins: B.

    >>> import numpy as np
    >>> [bin_of(float(np.float32(checks / 10)), 10) for checks in range(11)] == list(range(11))
    True
    """
    if isnan(share):
        return 0
    exact = Fraction(min(max(share, 0.0), 1.0)).limit_denominator(MOST_CHECKS)
    return (2 * exact.numerator * bins + exact.denominator) // (2 * exact.denominator)
