"""A board's label set: the part of a real set that the board is about, written to the work folder."""

from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from rich.console import Console

from anabranch.commands.pocket_prompts import prompts as write_prompts
from anabranch.data.collection.collect import Collection
from anabranch.data.collection.prompts import read_prompts
from anabranch.data.labelset import LabelSet, read_labels, write_labels
from anabranch.upstreams.pocket.pool import pocket_pool
from benchmarks.leaderboard.boards import POCKET, Board

MIN_COVERAGE = 0.95
_COLUMNS = ("prompt_id", "model", "quality", "cost_usd", "prompt_tokens", "completion_tokens", "latency_s", "sample")


def lay_out(board: Board, data: Path, work: Path) -> Path:
    """Write the board's label set below `work` and return its folder; the pocket pool is collected there once."""
    collected = work / "collected" / POCKET
    if board.name == POCKET:
        collect_pocket(collected)
    given = read_labels(collected if board.name == POCKET else data / board.folder)
    left_out = pq.read_table(data / board.folder / board.left_out)["prompt_id"].to_pylist() if board.left_out else []
    folder = work / "labels" / board.name
    write_labels(board_labels(given, board, frozenset(left_out)), folder)
    return folder


def collect_pocket(folder: Path) -> None:
    """Ask the pocket models everything they can be asked; what is answered already is not asked again."""
    with TemporaryDirectory() as scratch:
        write_prompts(out=Path(scratch))
        Collection(pocket_pool(), read_prompts(Path(scratch)), folder).run(Console(stderr=True))


def board_labels(given: LabelSet, board: Board, left_out: frozenset[str] = frozenset()) -> LabelSet:
    """The prompts, models and votes that the board is about, without the models' answers.

    Args:
        given: the whole set.
        board: what to keep of it.
        left_out: names of prompts to leave out.

    Raises:
        ValueError: nothing is left, or a model of the board has too few answers.
    """
    families = np.array([task.partition("/")[0] for task in given.tasks])
    kept = ~np.isin(given.prompt_ids, list(left_out))
    if board.families:
        kept &= np.isin(families, board.families)
    if not kept.any():
        raise ValueError(f"board {board.name!r} keeps no prompt: families there are {sorted(set(families.tolist()))}")
    prompts = given.prompts.filter(pa.array(kept))
    narrowed = LabelSet(prompts, _of_prompts(given.labels, prompts))
    models = _enough_answers(narrowed, board)
    prompts = prompts.filter(pa.array(_comparable(narrowed, models)))
    labels = _of_prompts(narrowed.labels, prompts)
    labels = labels.filter(pa.array(np.isin(labels["model"].to_pylist(), models)))
    labels = labels.select([name for name in _COLUMNS if name in labels.column_names])
    right = {name for name, family in zip(given.prompt_ids, families, strict=True) if family in board.accuracy}
    return LabelSet(prompts, _as_accuracy(labels, right), _votes(given, prompts, models))


def _of_prompts(table: pa.Table, prompts: pa.Table) -> pa.Table:
    return table.filter(pa.array(np.isin(table["prompt_id"].to_pylist(), prompts["prompt_id"].to_pylist())))


def _enough_answers(labels: LabelSet, board: Board) -> list[str]:
    """The models that answered at least `MIN_COVERAGE` of each task, and all of the board's if it names them."""
    outcomes = labels.outcomes(board.models or None)
    known, tasks = ~np.isnan(outcomes.quality), np.array(outcomes.tasks)
    least = np.min([known[tasks == task].mean(axis=0) for task in outcomes.task_names], axis=0)
    enough = [arm for arm, share in zip(outcomes.arms, least, strict=True) if share >= MIN_COVERAGE]
    if len(enough) < 2 or not set(board.models) <= set(enough):
        raise ValueError(
            f"board {board.name!r}: only {enough} answered {MIN_COVERAGE:.0%} of each task; "
            f"it needs {list(board.models) or 'two models'}"
        )
    return enough


def _comparable(labels: LabelSet, models: list[str]) -> np.ndarray:
    """All but the test prompts that one of the models did not answer, mask [N]."""
    answered = ~np.isnan(labels.outcomes(models).quality).any(axis=1)
    return np.asarray(answered | (np.array(labels.splits) != "test"))


def _as_accuracy(labels: pa.Table, right: set[str]) -> pa.Table:
    if not right:
        return labels
    quality = labels["quality"].to_numpy().astype(np.float64)
    counted = np.array([name in right for name in labels["prompt_id"].to_pylist()])
    counted &= ~np.isnan(quality)
    quality[counted] = quality[counted] > 0
    return labels.set_column(labels.column_names.index("quality"), "quality", pa.array(quality, from_pandas=True))


def _votes(given: LabelSet, prompts: pa.Table, models: list[str]) -> pa.Table | None:
    if given.preferences is None:
        return None
    votes = _of_prompts(given.preferences, prompts)
    of_pool = [np.isin(votes[side].to_pylist(), models) for side in ("model_a", "model_b")]
    votes = votes.filter(pa.array(of_pool[0] & of_pool[1]))
    return votes if votes.num_rows else None
