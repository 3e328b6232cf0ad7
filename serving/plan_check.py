"""Whether a cascade can be served, tried before anything listens."""

from collections.abc import Set

from anabranch.data.token_signals import TOKEN_SIGNALS
from anabranch.routers.deferral.answered import Answered, with_signals
from anabranch.routers.deferral.plan import Plan
from anabranch.routers.deferral.reads import keeps_budget, signals_read
from anabranch.routers.deferral.state import State
from anabranch.serving.strategies.cascade import Cascade


def check_plan(plan: Plan, priced: Set[str]) -> None:
    """Try every policy and signal once; the first time may be impossible, and is slow.

    Args:
        plan: to be served.
        priced: models whose price is known.

    Raises:
        ValueError: a signal is not to be had here, a budget cannot be kept, answers cannot be compared, or a policy
            cannot decide.
        LookupError: a signal knows fewer models.
    """
    cascade = Cascade(plan)
    unknown = sorted(signals_read(plan) - set(TOKEN_SIGNALS))
    if unknown:
        raise ValueError(
            f"it reads the signals {', '.join(unknown)}, which come with recorded answers only; train on a signal of "
            "log-probabilities, or on a scorer"
        )
    unpriced = [model for model in plan.models if model not in priced]
    if keeps_budget(plan) and unpriced:
        raise ValueError(f"it keeps a budget, and {', '.join(unpriced)} have no price; give them prices in the pool")
    quality, cost_usd = cascade.before_calls("Hello")
    for stop in plan.stops:
        stop.policy.decide(State((), quality, cost_usd, u=0.5))
    if cascade.key_of is not None:
        cascade.key_of("Hello")
    signals = dict.fromkeys(TOKEN_SIGNALS, -1.0)
    with_signals(plan.signals, [Answered(model, "Hello", "Hello", signals) for model in range(len(plan.models))])
