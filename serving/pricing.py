"""Current prices: the pool's, and those of a router's training for arms that the pool does not price."""

from dataclasses import replace

from anabranch.data.prices import INPUT, OUTPUT, PriceTable
from anabranch.routers.costing import Costing
from anabranch.routers.router import Router


def with_trained(prices: PriceTable, router: Router) -> PriceTable:
    """The prices, and those of the router's training for arms that have no others."""
    costing = router.costing
    if not costing.reprices:
        return prices
    pairs = zip(router.arms, costing.input_usd, costing.output_usd, strict=True)
    trained = {arm: {INPUT: input_usd, OUTPUT: output_usd} for arm, input_usd, output_usd in pairs}
    return replace(prices, entries={**trained, **prices.entries})


def repriced(router: Router, prices: PriceTable) -> Router:
    """The router at prices that name each of its arms; the same router if its costs are not counted in tokens."""
    costing: Costing = router.costing
    if not costing.reprices:
        return router
    pairs = [prices.per_token(arm) for arm in router.arms]
    current = replace(
        costing,
        input_usd=tuple(input_usd for input_usd, _ in pairs),
        output_usd=tuple(output_usd for _, output_usd in pairs),
        price_date=prices.date,
    )
    return replace(router, costing=current)
