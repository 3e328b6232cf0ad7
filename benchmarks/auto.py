"""What `train auto` reaches on the test split of real sets, and what it costs to train; prints JSON.

    python -m benchmarks.auto --data SETS --work FOLDER [--only routerbench_rdc,llmrouter9]

Everything is chosen on the train split; the test split is read once, for these figures, each with the 95 % interval of
a paired bootstrap over test prompts. Boards are those of the leaderboard. A board whose file is in WORK is not run
again. `gain` is over the best single model where quality alone counts, `aiq_gain` over the best mix of single models.
"""

import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from anabranch.routers.estimators.stack import Stack
from anabranch.training.auto import auto
from anabranch.training.paired import Floats
from benchmarks.leaderboard.boards import Board
from benchmarks.leaderboard.labels import lay_out
from benchmarks.leaderboard.learn import Terms, open_field
from benchmarks.leaderboard.measure import measure
from benchmarks.leaderboard.once import measure_boards

FIGURES = ("quality", "gain", "headroom", "aiq", "aiq_gain", "qnc", "apgr", "cpt50", "brier")


def reached(board: Board, data: Path, work: Path) -> dict[str, Any]:
    """Train on a board with one command's worth of defaults, and measure."""
    field = open_field(board, lay_out(board, data, work), Terms())
    with TemporaryDirectory() as scratch:
        started = time.process_time()
        run, finding = auto(field.folder, Path(scratch) / "run", tracker="disabled", progress=False)
        seconds = time.process_time() - started
    ground = field.ground
    rows = measure(run.router("auto", field.embedder), ground).rows
    caution = run.estimator.hedge.caution.tolist() if isinstance(run.estimator, Stack) else None
    return {
        "board": board.name,
        "recipe": run.settings.recipe,
        "word": finding.word,
        "cross_validated_gain": [finding.candidates[0].gain.value, finding.candidates[0].gain.low],
        "best_single": float(ground.bar.best_single[0]),
        **{name: interval(rows[name]) for name in FIGURES if name in rows},
        "caution": caution,
        "train_prompts": finding.prompts,
        "test_prompts": len(ground.table),
        "train_cpu_s": round(seconds, 1),
    }


def interval(values: Floats) -> list[float]:
    """The figure, and the 95 % interval of its replicates."""
    low, high = np.nanquantile(values[1:], [0.025, 0.975])
    return [round(float(values[0]), 4), round(float(low), 4), round(float(high), 4)]


if __name__ == "__main__":
    measure_boards(__doc__, "auto", reached)
