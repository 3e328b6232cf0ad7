"""A fitted cascade as evaluation and serving see it: a deferral policy for every trade-off."""

from dataclasses import dataclass, replace

from anabranch.routers.deferral.answered import Signal
from anabranch.routers.deferral.deferral import Deferral
from anabranch.routers.router import Router


@dataclass(frozen=True)
class Stop:
    """A policy, and the means that it reached on the prompts that it was fitted on.

    Args:
        policy: its models are numbers of the plan's.
        quality: mean over prompts.
        cost_usd: mean over prompts, of all calls made; NaN if unknown.
    """

    policy: Deferral
    quality: float
    cost_usd: float


@dataclass(frozen=True, eq=False)
class Plan:
    """Policies from the cheapest to the best, the signals that they read, and the one knob that chooses among them.

    Args:
        name: what reports call it.
        models: M names.
        stops: K, of rising cost and quality.
        signals: worked out of every answer, in this order.
        usual_cost_usd: M, of a call of each model; NaN if unknown.
        tradeoff: the calibrated default of the knob, 0 = the first stop, 1 = the last.
        answers: how the canonical answer is read out of a text, see `anabranch.data.answers`; none if None.
        router: estimates before any call, of the same models in the same order; unknown if None.
        origin: names the training it comes from; a run and its bundles share it.

    Raises:
        ValueError: there is no stop, or costs are not as many as models.
    """

    name: str
    models: tuple[str, ...]
    stops: tuple[Stop, ...]
    signals: tuple[Signal, ...] = ()
    usual_cost_usd: tuple[float, ...] = ()
    tradeoff: float = 1.0
    answers: str | None = None
    router: Router | None = None
    origin: str = ""

    def __post_init__(self) -> None:
        if not self.stops:
            raise ValueError(f"cascade {self.name!r} has no policy: at least one stop is needed")
        if self.usual_cost_usd and len(self.usual_cost_usd) != len(self.models):
            raise ValueError(f"{len(self.usual_cost_usd)} costs for {len(self.models)} models; give one for each")

    def at(self, tradeoff: float) -> "Plan":
        """The same plan with another default trade-off.

        Raises:
            ValueError: it is outside [0, 1].
        """
        if not 0 <= tradeoff <= 1:
            raise ValueError(f"tradeoff is {tradeoff}; it must lie in [0, 1], 0 = cheapest, 1 = best")
        return replace(self, tradeoff=tradeoff)

    def place(self, tradeoff: float | None = None) -> int:
        """The stop nearest to a trade-off, stops being evenly spaced along the knob; the calibrated one if None."""
        return nearest_stop(self.tradeoff if tradeoff is None else tradeoff, len(self.stops))

    def policy(self, tradeoff: float | None = None) -> Deferral:
        """The policy at a trade-off; the calibrated one if None."""
        return self.stops[self.place(tradeoff)].policy

    def knobs(self) -> tuple[float, ...]:
        """The trade-off of each stop, [K]; 1 for a single one."""
        last = len(self.stops) - 1
        return tuple(place / last for place in range(last + 1)) if last else (1.0,)


def nearest_stop(tradeoff: float, stops: int) -> int:
    """The place of the stop nearest to a trade-off, stops being evenly spaced along the knob; of two, the later.

    >>> nearest_stop(0.75, stops=3)
    2
    """
    return int(tradeoff * (stops - 1) + 0.5)
