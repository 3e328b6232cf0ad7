"""A coin between two policies."""

from dataclasses import dataclass

from anabranch.routers.deferral.deferral import Deferral
from anabranch.routers.deferral.final_call import is_final
from anabranch.routers.deferral.state import Action, Call, State


@dataclass(frozen=True)
class TimeSharing:
    """One policy for a share of the prompts, the other for the rest; drawn once a prompt, so it never changes midway.

    A mixture reaches every mean cost between those of the two, which no single setting may. The coin is `state.u`: the
    two policies should not draw from it themselves.

    Args:
        low: for the rest.
        high: for the share, usually the dearer one.
        share: in [0, 1].

    Raises:
        ValueError: the share is no share.
    """

    source = "Bouchard 2026, arXiv 2605.06350"
    specification = "secondary"
    low: Deferral
    high: Deferral
    share: float

    def __post_init__(self) -> None:
        if not 0 <= self.share <= 1:
            raise ValueError(f"share {self.share} must lie in [0, 1]")

    @property
    def models(self) -> tuple[int, ...]:
        """Those of either policy."""
        return tuple(sorted({*self.low.models, *self.high.models}))

    def decide(self, state: State) -> Action:
        """See `Deferral.decide`."""
        return self._drawn(state).decide(state)

    def is_final(self, state: State, call: Call) -> bool:
        """See `Foreseeing.is_final`: what the policy that was drawn says."""
        return is_final(self._drawn(state), state, call)

    def _drawn(self, state: State) -> Deferral:
        return self.high if state.u < self.share else self.low
