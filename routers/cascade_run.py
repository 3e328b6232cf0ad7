"""The RUN folder of a cascade: what training writes, and what evaluation and export read.

cascade.json     settings and provenance
scorers/         networks that signals of answers come from
router/          only if estimates before any call are read: the RUN folder of their router
metrics.json     validation metrics of the training
splits.json      the prompts that trained, calibrated and test it
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import ConfigDict

from anabranch.routers.deferral.plan import Plan
from anabranch.routers.deferral.settings import CascadeSettings
from anabranch.routers.policies.policy import Floats
from anabranch.routers.run import Run, load_run
from anabranch.routers.scorers.answer_scorer import AnswerScorer
from anabranch.routers.scorers.scorer_files import load_scorer, save_scorer
from anabranch.routers.settings import Provenance
from anabranch.routers.versioned import Versioned, read_versioned

CASCADE_FILE = "cascade.json"
CASCADE_SCHEMA = 1
SCORERS, ROUTER = "scorers", "router"


class CascadeFile(Versioned):
    """The contents of cascade.json."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    cascade: CascadeSettings
    provenance: Provenance


@dataclass(frozen=True, eq=False)
class CascadeRun:
    """A fitted cascade in torch.

    Args:
        settings: what it is made of.
        provenance: where it comes from.
        scorers: by the stem of their file.
        router: whose estimates are read before any call; None if none are.
    """

    settings: CascadeSettings
    provenance: Provenance
    scorers: dict[str, AnswerScorer]
    router: Run | None = None

    def plan(self, name: str, embedder: Callable[[Sequence[str]], Floats] | None = None) -> Plan:
        """The plan these parts make.

        Args:
            name: what reports call it.
            embedder: texts to the embeddings of the router's encoder, e.g. through a cache; the encoder itself if None.
        """
        router = None if self.router is None else self.router.router(name, embedder)
        return self.settings.plan(name, self.scorers, router, self.provenance.id)

    def save(self, folder: Path) -> None:
        """Write the folder; cascade.json comes last, so a folder with it is whole."""
        folder.mkdir(parents=True, exist_ok=True)
        for stem, scorer in self.scorers.items():
            save_scorer(scorer, folder / SCORERS, stem)
        if self.router is not None:
            self.router.save(folder / ROUTER)
        contents = CascadeFile(schema_version=CASCADE_SCHEMA, cascade=self.settings, provenance=self.provenance)
        (folder / CASCADE_FILE).write_text(contents.model_dump_json(indent=2))


def load_cascade_run(folder: Path) -> CascadeRun:
    """Read the RUN folder of a cascade.

    Raises:
        ValueError: it is none, of a newer schema, or a part of it is missing or not the one it was trained with.
    """
    path = folder / CASCADE_FILE
    if not path.exists():
        raise ValueError(f"{folder} is no RUN folder of a cascade: it has no {path.name}; `anabranch train` makes one")
    contents = read_versioned(path, CascadeFile, CASCADE_SCHEMA)
    settings = contents.cascade
    scorers = {stem: load_scorer(folder / SCORERS, stem) for stem in settings.scorer_stems}
    router = load_run(folder / ROUTER) if settings.has_router else None
    return CascadeRun(settings, contents.provenance, scorers, router)
