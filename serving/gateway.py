"""What requests are served from: models by name, strategies by the name that asks for them, prices."""

from collections.abc import Mapping
from concurrent.futures import Executor
from dataclasses import dataclass

from anabranch.data.costs import Costs
from anabranch.serving.offer import AUTO, Offer
from anabranch.serving.refused import Refused
from anabranch.serving.strategies.calls import Price
from anabranch.serving.strategies.cascade import Cascade
from anabranch.serving.strategies.direct import Direct
from anabranch.serving.strategies.route import Route
from anabranch.serving.strategies.strategy import Strategy
from anabranch.upstreams.pool import Served


@dataclass(frozen=True, eq=False)
class Gateway:
    """What every endpoint serves from.

    Args:
        served: the pool's models by name.
        strategies: what each `model` of a request gets.
        price: USD of real usage.
        bundle: id of the bundle that decides; empty without one.
    """

    served: Mapping[str, Served]
    strategies: Mapping[str, Strategy]
    price: Price
    bundle: str = ""

    def strategy(self, model: str) -> Strategy:
        """What a request for `model` gets.

        Raises:
            Refused: nothing goes by that name.
        """
        if model not in self.strategies:
            message = f"unknown model {model[:100]!r}; known: {', '.join(self.strategies)}"
            raise Refused(404, message, param="model", code="model_not_found")
        return self.strategies[model]


def gateway_of(offer: Offer, served: Mapping[str, Served], threads: Executor) -> Gateway:
    """The gateway of an offer whose upstreams are open; what decides does so in `threads`."""
    strategies: dict[str, Strategy] = {}
    if offer.router is not None:
        route = Route(offer.router, threads)
        strategies = {AUTO: route, offer.router.name: route}
    if offer.plan is not None:
        cascade = Cascade(offer.plan, threads, offer.timeout_s, offer.max_completion_tokens)
        strategies = {AUTO: cascade, offer.plan.name: cascade}
    # a model of the pool keeps its name, should the bundle's folder be called the same
    strategies |= {name: Direct(name) for name in served}
    return Gateway(served, strategies, Costs(offer.prices).usd, offer.bundle)
