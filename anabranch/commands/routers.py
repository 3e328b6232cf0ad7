"""Routers from a RUN or a BUNDLE."""

from pathlib import Path

from anabranch.export.session import open_bundle
from anabranch.routers.router import Router
from anabranch.routers.run import load_run
from anabranch.training.examples import cached_embedder


def open_router(path: Path, cache: Path | None) -> Router:
    """The router in a RUN or a BUNDLE folder, named after the folder.

    Raises:
        ValueError: the folder is neither.
    """
    if (path / "run.json").exists():
        run = load_run(path)
        embedder = None if run.settings.encoder_trained else cached_embedder(run.encoder, cache, progress=True)
        return run.router(path.name, embedder)
    if (path / "manifest.json").exists():
        return open_bundle(path)
    raise ValueError(f"{path} is neither a RUN (run.json) nor a BUNDLE (manifest.json); `anabranch train` makes a RUN")
