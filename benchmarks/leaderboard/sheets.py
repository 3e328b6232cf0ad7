"""A board's sheet: what the writer needs to know of it without its labels."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from pydantic import TypeAdapter

from anabranch.training.report.contents import CostUnit, Interval
from benchmarks.leaderboard.boards import Main
from benchmarks.leaderboard.entries import Entry, read_entry, write_whole


@dataclass(frozen=True)
class Line:
    """A baseline.

    Args:
        name: of it.
        kind: single or baseline.
        quality: mean quality.
        cost: mean cost in the sheet's unit; None without costs.
        gain: mean quality less the best single model's.
        headroom: share of the way from the best single model to the oracle.
        aiq: where costs are USD and it has one.
        apgr: where two models share the calls and it has one.
    """

    name: str
    kind: str
    quality: Interval
    cost: Interval | None
    gain: Interval
    headroom: Interval
    aiq: Interval | None
    apgr: float | None


@dataclass(frozen=True)
class Sheet:
    """A board as it was run.

    Args:
        name: of the board.
        about: what it is.
        main: what its rows are sorted by.
        macro: means are over tasks.
        unit: of cost.
        field: hash of labels and terms; entries of another field are of no use here.
        encoder: registry name.
        replicates: of the bootstrap.
        train: prompts that train and validate.
        test: prompts measured on.
        arms: the models.
        best_single: the best of them on the training prompts.
        lines: single models and baselines.
        frontier: cost and quality of the zero router's vertices; empty without costs.
        absent: recipe -> why it takes no part.
    """

    name: str
    about: str
    main: Main
    macro: bool
    unit: CostUnit
    field: str
    encoder: str
    replicates: int
    train: int
    test: int
    arms: tuple[str, ...]
    best_single: str
    lines: tuple[Line, ...]
    frontier: tuple[tuple[float, float], ...]
    absent: Mapping[str, str]

    @property
    def baselines(self) -> tuple[Line, ...]:
        """The lines that are not single models."""
        return tuple(line for line in self.lines if line.kind != "single")

    @property
    def singles(self) -> tuple[Line, ...]:
        """The lines of single models."""
        return tuple(line for line in self.lines if line.kind == "single")


def entry_path(work: Path, board: str, recipe: str, seed: int) -> Path:
    """Where an entry lies."""
    return work / "entries" / board / f"{recipe.replace(':', '.')}-{seed}.json"


def write_sheet(sheet: Sheet, work: Path) -> None:
    """Write a sheet whole or not at all."""
    write_whole(json.dumps(asdict(sheet), indent=1), _sheet_path(work, sheet.name))


def read_sheet(work: Path, board: str) -> Sheet | None:
    """A board's sheet; None if it was never run."""
    path = _sheet_path(work, board)
    return TypeAdapter(Sheet).validate_json(path.read_bytes()) if path.is_file() else None


def read_entries(work: Path, sheet: Sheet) -> list[Entry]:
    """The entries of a sheet, without those of other labels or terms."""
    paths = sorted((work / "entries" / sheet.name).glob("*.json"))
    entries = [entry for path in paths if (entry := read_entry(path)) is not None]
    return [entry for entry in entries if entry.key.startswith(f"{sheet.field}-")]


def _sheet_path(work: Path, board: str) -> Path:
    return work / "sheets" / f"{board}.json"
