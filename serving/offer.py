"""What can be served, checked before anything listens: a pool, perhaps a bundle, and prices that hold."""

from dataclasses import dataclass

from anabranch.data.pool_prices import prices_of
from anabranch.data.prices import PriceTable
from anabranch.export.bundle import Bundle, read_bundle
from anabranch.export.session import router_in
from anabranch.routers.choice import choose
from anabranch.routers.router import Router
from anabranch.serving.pricing import repriced, with_trained
from anabranch.serving.settings import ServeError, ServeSettings
from anabranch.upstreams.pool import Pool, read_pool

AUTO = "auto"


@dataclass(frozen=True, eq=False)
class Offer:
    """What is served.

    Args:
        pool: the models.
        prices: of those of its models whose prices are known.
        router: decides for "auto", at current prices and the trade-off that is served; None without a bundle.
        bundle: id of the bundle it comes from; empty without one.
    """

    pool: Pool
    prices: PriceTable
    router: Router | None = None
    bundle: str = ""


def prepare(settings: ServeSettings) -> Offer:
    """What the settings name, read and checked.

    Raises:
        ServeError: there is nothing to serve, the pool lacks an arm, or the router cannot decide.
        BundleError: the bundle is broken.
        PoolError: the pool breaks a rule.
    """
    bundle = None if settings.bundle is None else read_bundle(settings.bundle)
    pool = settings.read_pool()
    if bundle is not None:
        return _routed(bundle, _pool_for(bundle, pool), settings.tradeoff)
    if pool is None:
        raise ServeError("there is nothing to serve: name a bundle, a pool, or both")
    if settings.tradeoff is not None:
        raise ServeError(f"tradeoff is {settings.tradeoff}, but no bundle decides by it; name one, or leave it out")
    return Offer(pool, prices_of(pool, partial=True))


def _routed(bundle: Bundle, pool: Pool, tradeoff: float | None) -> Offer:
    router = router_in(bundle)
    prices = with_trained(prices_of(pool, partial=True), router)
    router = repriced(router, prices)
    router = router if tradeoff is None else router.at(tradeoff)
    try:
        # the first decision may be impossible, and is slow
        choose(router, "Hello")
    except ValueError as error:
        raise ServeError(f"{bundle.folder} cannot decide: {error}") from error
    return Offer(pool, prices, router, bundle.id)


def _pool_for(bundle: Bundle, pool: Pool | None) -> Pool:
    arms = bundle.manifest.router.arms
    if pool is None:
        pocket = read_pool("pocket")
        if not set(arms) <= set(pocket.names):
            raise ServeError(f"{bundle.folder} chooses among {', '.join(arms)}; say with --pool who answers for them")
        return pocket
    missing = [arm for arm in arms if arm not in pool.names]
    if missing:
        raise ServeError(
            f"the pool has no model {', '.join(missing)}, which {bundle.folder} may choose; it has "
            f"{', '.join(pool.names)}: add it, or train the router on these"
        )
    if AUTO in pool.names:
        raise ServeError(f"a model of the pool is called {AUTO!r}, which asks for the router; give it another name")
    return pool
