"""Routers and cascades of a board, trained by the product's own commands; what cannot be trained says why."""

import json
import logging
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from shutil import rmtree
from typing import Any

from anabranch.commands.routers import open_any
from anabranch.routers.deferral.plan import Plan
from anabranch.routers.router import Router
from anabranch.training.cascades.fit import fit_cascade
from anabranch.training.cascades.registry import CASCADES
from anabranch.training.fit import fit
from benchmarks.cascade_curves.boards import ROUTERS, CascadeBoard
from benchmarks.leaderboard.entries import write_whole


@dataclass(frozen=True)
class Trained:
    """How the training of a row ended.

    Args:
        row: registry name.
        cpu_s: seconds of the processor.
        refused: why there is no RUN; empty if there is one.
    """

    row: str
    cpu_s: float
    refused: str = ""


def train_all(board: CascadeBoard, labels: Path, work: Path) -> list[Trained]:
    """Train what `work` does not hold yet; a RUN folder and a note a row."""
    return [_trained(row, board, labels, work / "runs" / board.name) for row in (*ROUTERS, *sorted(CASCADES))]


def opened(board: CascadeBoard, work: Path, trained: list[Trained]) -> list[Router | Plan]:
    """The routers and cascades that were trained, named after their rows."""
    return [open_any(work / "runs" / board.name / one.row, None) for one in trained if not one.refused]


def _trained(row: str, board: CascadeBoard, labels: Path, runs: Path) -> Trained:
    note, out = runs / f"{row}.json", runs / row
    if note.exists():
        return Trained(**json.loads(note.read_bytes()))
    if out.exists():
        rmtree(out)  # a training that was killed
    print(f"{board.name}: {row}", file=sys.stderr, flush=True)
    started, why = time.process_time(), ""
    train: Callable[..., Any] = fit_cascade if row in CASCADES else fit
    answers = {"answers": board.answers} if row in CASCADES else {}
    logging.disable(logging.WARNING)
    try:
        train(labels, out, row, tracker="disabled", progress=False, **answers)
    except ValueError as error:
        why = str(error)
    finally:
        logging.disable(logging.NOTSET)
    found = Trained(row, round(time.process_time() - started, 1), why)
    write_whole(json.dumps(asdict(found)), note)
    return found
