"""No prompt spends more than it may."""

from dataclasses import dataclass

from anabranch.routers.deferral.deferral import Deferral
from anabranch.routers.deferral.final_call import is_final
from anabranch.routers.deferral.state import Action, Call, State
from anabranch.routers.deferral.surest import best_so_far

# Costs add up with rounding: a call that meets the limit to this part of it is affordable.
ROUNDING = 1e-9


@dataclass(frozen=True)
class BudgetGuard:
    """Another policy, but a call that would take a prompt over its limit is not made.

    What is spent, plus what the next calls are expected to cost, stays at or below the limit; what they do cost may
    exceed it. Instead of them the best candidate answers: by the signal of the guarded policy, a field `signal`, if it
    has one, else the latest. Without a candidate it abstains.

    Args:
        policy: decides everything else.
        max_cost_usd: that one prompt may spend.

    Raises:
        ValueError: the limit is negative or NaN.

    >>> from anabranch.routers.deferral.state import Candidate
    >>> from anabranch.routers.deferral.threshold_chain import ThresholdChain
    >>> import numpy as np
    >>> unsure = Candidate(0, signals={"logprob_mean": -3.0}, cost_usd=1.0)
    >>> guard = BudgetGuard(ThresholdChain((0, 1), (-0.2,), "logprob_mean"), max_cost_usd=5.5)
    >>> guard.decide(State((unsure,), np.ones(2), np.array([1.0, 5.0]), u=0.0))
    Answer(pick=0, reason='over_budget')
    """

    source = "ours"
    specification = "ours"
    policy: Deferral
    max_cost_usd: float

    def __post_init__(self) -> None:
        if not self.max_cost_usd >= 0:
            raise ValueError(f"a prompt may spend {self.max_cost_usd} USD; the limit must be 0 or more")

    @property
    def models(self) -> tuple[int, ...]:
        """Those of the guarded policy."""
        return self.policy.models

    def decide(self, state: State) -> Action:
        """See `Deferral.decide`.

        Raises:
            ValueError: what a call is expected to cost, or what a candidate has cost, is not known.
        """
        action = self.policy.decide(state)
        if not isinstance(action, Call) or self._affordable(action, state):
            return action
        return best_so_far(self.policy, state, "over_budget")

    def is_final(self, state: State, call: Call) -> bool:
        """See `Foreseeing.is_final`: what the guarded policy says."""
        return is_final(self.policy, state, call)

    def _affordable(self, call: Call, state: State) -> bool:
        expected = {model: float(state.cost_usd[model]) for model in call.models}
        unknown = sorted(model for model, cost in expected.items() if cost != cost)
        if unknown:
            raise ValueError(f"the expected cost of models {unknown} is unknown, so no budget can be kept: price them")
        if state.spent_usd != state.spent_usd:
            raise ValueError("a candidate's cost is unknown, so no budget can be kept: record or price every call")
        total = state.spent_usd + sum(expected[model] for model in call.models)
        return total <= self.max_cost_usd * (1 + ROUNDING)
