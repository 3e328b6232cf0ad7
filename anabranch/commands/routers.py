"""Routers and cascades from a RUN or a BUNDLE."""

from dataclasses import replace
from pathlib import Path

import orjson

from anabranch.export.plan_session import open_plan as open_plan_bundle
from anabranch.export.session import open_bundle
from anabranch.routers.cascade_run import CASCADE_FILE, load_cascade_run
from anabranch.routers.deferral.plan import Plan
from anabranch.routers.router import Router
from anabranch.routers.run import Run, load_run
from anabranch.training.examples import Embedder, cached_embedder


def open_any(path: Path, cache: Path | None) -> Router | Plan:
    """The router or the cascade in a RUN or a BUNDLE folder, named after the folder.

    Raises:
        ValueError: the folder is neither.
    """
    return open_plan(path, cache) if holds_cascade(path) else open_router(path, cache)


def holds_cascade(path: Path) -> bool:
    """Whether a folder is the RUN or the BUNDLE of a cascade."""
    manifest = path / "manifest.json"
    return (path / CASCADE_FILE).exists() or (manifest.exists() and "cascade" in orjson.loads(manifest.read_bytes()))


def open_plan(path: Path, cache: Path | None) -> Plan:
    """The cascade in a RUN or a BUNDLE folder, named after the folder.

    Raises:
        ValueError: the folder is neither.
    """
    if not (path / CASCADE_FILE).exists():
        return open_plan_bundle(path)
    run = load_cascade_run(path)
    scorers = {
        stem: replace(scorer, embedder=cached_embedder(scorer.encoder, cache, progress=True))
        for stem, scorer in run.scorers.items()
    }
    return replace(run, scorers=scorers).plan(path.name, None if run.router is None else _embedder(run.router, cache))


def open_router(path: Path, cache: Path | None) -> Router:
    """The router in a RUN or a BUNDLE folder, named after the folder.

    Raises:
        ValueError: the folder is neither.
    """
    if (path / "run.json").exists():
        run = load_run(path)
        return run.router(path.name, _embedder(run, cache))
    if (path / "manifest.json").exists():
        return open_bundle(path)
    raise ValueError(f"{path} is neither a RUN (run.json) nor a BUNDLE (manifest.json); `anabranch train` makes a RUN")


def _embedder(run: Run, cache: Path | None) -> Embedder | None:
    return None if run.settings.encoder_trained else cached_embedder(run.encoder, cache, progress=True)
