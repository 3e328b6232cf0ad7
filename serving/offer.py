"""What can be served, checked before anything listens: a pool, perhaps a bundle, and prices that hold."""

from dataclasses import dataclass
from pathlib import Path

from anabranch.data.pool_prices import prices_of
from anabranch.data.prices import PriceTable
from anabranch.export.bundle import Bundle, CascadeBundle, read_any_bundle
from anabranch.export.plan_session import plan_in
from anabranch.export.session import router_in
from anabranch.routers.choice import choose
from anabranch.routers.deferral.plan import Plan
from anabranch.routers.router import Router
from anabranch.serving.plan_check import check_plan
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
        router: decides for "auto", at current prices and the trade-off that is served; None without its bundle.
        bundle: id of the bundle that decides; empty without one.
        plan: answers for "auto" at the trade-off that is served; None without the bundle of a cascade.
        timeout_s: see `Cascade`.
        max_completion_tokens: see `Cascade`.
    """

    pool: Pool
    prices: PriceTable
    router: Router | None = None
    bundle: str = ""
    plan: Plan | None = None
    timeout_s: float | None = None
    max_completion_tokens: int | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """What a request's `model` may be, the best choice first."""
        return self.pool.names if self.router is None and self.plan is None else (AUTO, *self.pool.names)


def prepare(settings: ServeSettings) -> Offer:
    """What the settings name, read and checked.

    Raises:
        ServeError: there is nothing to serve, the pool lacks a model, or the bundle cannot decide.
        BundleError: the bundle is broken.
        PoolError: the pool breaks a rule.
    """
    bundle = None if settings.bundle is None else read_any_bundle(settings.bundle)
    pool = settings.read_pool()
    if isinstance(bundle, CascadeBundle):
        return _cascaded(bundle, _pool_for(bundle.folder, bundle.manifest.cascade.models, pool), settings)
    for limit in ("timeout_s", "max_completion_tokens"):
        if getattr(settings, limit) is not None:
            raise ServeError(f"{limit} is {getattr(settings, limit)}, but no cascade is served; leave it out")
    if bundle is not None:
        return _routed(bundle, _pool_for(bundle.folder, bundle.manifest.router.arms, pool), settings.tradeoff)
    if pool is None:
        raise ServeError("there is nothing to serve: name a bundle, a pool, or both")
    if settings.tradeoff is not None:
        raise ServeError(f"tradeoff is {settings.tradeoff}, but no bundle decides by it; name one, or leave it out")
    return Offer(pool, prices_of(pool, partial=True))


def _cascaded(bundle: CascadeBundle, pool: Pool, settings: ServeSettings) -> Offer:
    """A cascade at current prices as far as real costs go, and so budgets.

    What a call usually costs stays as it was recorded: it is a mean over answers in USD, without the tokens that a new
    price could be put on, and the policies' own prices were fitted to it. Train again where prices have moved much.
    """
    plan = plan_in(bundle)
    plan = plan if settings.tradeoff is None else plan.at(settings.tradeoff)
    prices = prices_of(pool, partial=True)
    prices = prices if plan.router is None else with_trained(prices, plan.router)
    try:
        check_plan(plan, frozenset(prices.entries))
    except (ValueError, LookupError) as error:
        raise ServeError(f"{bundle.folder} cannot decide: {error}") from error
    return Offer(
        pool,
        prices,
        bundle=bundle.id,
        plan=plan,
        timeout_s=settings.timeout_s,
        max_completion_tokens=settings.max_completion_tokens,
    )


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


def _pool_for(folder: Path, models: tuple[str, ...], pool: Pool | None) -> Pool:
    """The pool that answers for a bundle."""
    if pool is None:
        pocket = read_pool("pocket")
        if not set(models) <= set(pocket.names):
            raise ServeError(f"{folder} chooses among {', '.join(models)}; say with --pool who answers for them")
        return pocket
    missing = [model for model in models if model not in pool.names]
    if missing:
        raise ServeError(
            f"the pool has no model {', '.join(missing)}, which {folder} may choose; it has "
            f"{', '.join(pool.names)}: add it, or train on these"
        )
    if AUTO in pool.names:
        raise ServeError(f"a model of the pool is called {AUTO!r}, which asks for the bundle; give it another name")
    return pool
