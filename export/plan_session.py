"""A cascade's bundle in onnxruntime: a plan that is ready to be served, without torch."""

from pathlib import Path

from anabranch.export.bundle import ROUTER, SCORERS, BundleError, CascadeBundle, read_bundle, read_cascade_bundle
from anabranch.export.scorer import open_scorer
from anabranch.export.session import router_in
from anabranch.routers.deferral.plan import Plan
from anabranch.routers.deferral.scorer import Score
from anabranch.routers.router import Router


def open_plan(folder: Path, *, threads: int = 1) -> Plan:
    """The plan in a bundle.

    Args:
        folder: the bundle of a cascade.
        threads: threads of one look at an answer; serve concurrent requests from several threads instead.

    Raises:
        BundleError: a file is missing or changed, or this version does not know a part of the cascade.
    """
    return plan_in(read_cascade_bundle(folder), threads=threads)


def plan_in(bundle: CascadeBundle, *, threads: int = 1) -> Plan:
    """The plan in a bundle that was read; errors are those of `open_plan`."""
    settings, name = bundle.manifest.cascade, bundle.folder.resolve().name
    scorers = {stem: _scorer(bundle, stem, threads) for stem in settings.scorer_stems}
    router = _router(bundle, threads) if settings.has_router else None
    try:
        return settings.plan(name, scorers, router, bundle.manifest.provenance.id)
    except ValueError as error:
        raise BundleError(f"{bundle.folder} is no cascade that this version can run: {error}") from error


def _router(bundle: CascadeBundle, threads: int) -> Router:
    router = router_in(read_bundle(bundle.folder / ROUTER), threads=threads)
    if router.arms != bundle.manifest.cascade.models:
        raise BundleError(f"{bundle.folder / ROUTER} estimates other models than the cascade calls: export it again")
    return router


def _scorer(bundle: CascadeBundle, stem: str, threads: int) -> Score:
    if f"{SCORERS}/{stem}.onnx" not in bundle.manifest.files:
        raise BundleError(f"{bundle.folder} lists no {SCORERS}/{stem}.onnx, which a signal reads: export it again")
    return open_scorer(bundle.folder / SCORERS, stem, threads=threads)
