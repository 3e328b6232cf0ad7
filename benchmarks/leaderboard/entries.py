"""One run as a file: what was trained, and every figure in every bootstrap row."""

import base64
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from anabranch.training.paired import Floats

SCHEMA = 1


@dataclass(frozen=True, eq=False)
class Entry:
    """What became of one recipe on one board under one seed.

    Args:
        board: its name.
        recipe: registry name.
        seed: of the split of train and validation, of initial weights and of draws.
        key: hash of everything that decides the figures.
        error: why it failed; empty if it did not.
        rows: figure -> its value on the test prompts and in every bootstrap replicate, [1 + R].
        facts: single figures, e.g. seconds of training and bytes of the head.
        curve: cost and quality along the knob, each [T].
    """

    board: str
    recipe: str
    seed: int
    key: str
    error: str = ""
    rows: Mapping[str, Floats] = field(default_factory=dict)
    facts: Mapping[str, float | str] = field(default_factory=dict)
    curve: tuple[tuple[float, ...], tuple[float, ...]] = ((), ())


def write_entry(entry: Entry, path: Path) -> None:
    """Write an entry whole or not at all."""
    contents = {
        "schema": SCHEMA,
        "board": entry.board,
        "recipe": entry.recipe,
        "seed": entry.seed,
        "key": entry.key,
        "error": entry.error,
        "facts": dict(entry.facts),
        # float32, little-endian, base64: a replicate may be infinite, which JSON has no word for
        "rows": {name: _packed(values) for name, values in entry.rows.items()},
        "curve": entry.curve,
    }
    write_whole(json.dumps(contents), path)


def read_entry(path: Path) -> Entry | None:
    """The entry in a file; None if there is none or it is of another schema."""
    if not path.is_file():
        return None
    contents = json.loads(path.read_text(encoding="utf-8"))
    if contents.pop("schema") != SCHEMA:
        return None
    rows = {name: _unpacked(text) for name, text in contents.pop("rows").items()}
    cost, quality = contents.pop("curve")
    return Entry(**contents, rows=rows, curve=(tuple(cost), tuple(quality)))


def write_whole(text: str, path: Path) -> None:
    """Write a file whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    unfinished.write_text(text, encoding="utf-8")
    unfinished.replace(path)


def _packed(values: Floats) -> str:
    return base64.b64encode(np.asarray(values, "<f4").tobytes()).decode("ascii")


def _unpacked(text: str) -> Floats:
    return np.frombuffer(base64.b64decode(text), "<f4").astype(np.float64)
