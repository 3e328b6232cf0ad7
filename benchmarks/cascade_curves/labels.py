"""A board's label set: its models, the prompts that all of them answered, and what answers cost."""

from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from rich.console import Console

from anabranch.data.collection.collect import Collection
from anabranch.data.collection.prompts import read_prompts
from anabranch.data.collection.terms import Terms
from anabranch.data.labelset import LabelSet, read_labels, write_labels
from anabranch.data.pocket_prompts import pocket_prompts, prompts_table
from anabranch.upstreams.pocket.families.registry import TAUGHT, TEST_ONLY
from anabranch.upstreams.pocket.frozen import test_questions, train_questions
from anabranch.upstreams.pocket.pool import pocket_pool
from anabranch.upstreams.pocket.questions import Question, fresh
from benchmarks.cascade_curves.boards import CascadeBoard, Price
from benchmarks.leaderboard.boards import POCKET

TRAIN, TEST, SEED = 2000, 2000, 21
TERMS = Terms(samples=5, temperature=0.7, logprobs=True)
CHARS_A_TOKEN = 4  # of English; where no tokens are recorded
PRICES = "model_prices.parquet"


def lay_out(board: CascadeBoard, data: Path, work: Path) -> Path:
    """Write the board's label set below `work`, once, and return its folder; the pocket pool is asked for its own."""
    folder = work / "labels" / board.name
    if board.name == POCKET:
        _collect(folder)
    elif not (folder / "labels.parquet").exists():
        prices = pq.read_table(data / PRICES) if board.prices else None
        write_labels(board_labels(read_labels(data / board.folder), board, prices), folder)
    return folder


def fresh_questions() -> list[Question]:
    """The prompts that test on the pocket's board: neither the frozen ones of training nor those of testing."""
    known = [question.prompt for question in (*train_questions(), *test_questions())]
    return fresh(TEST, SEED, (*TAUGHT, *TEST_ONLY), known)


def board_labels(given: LabelSet, board: CascadeBoard, prices: pa.Table | None) -> LabelSet:
    """The answers of the board's models to the prompts that all of them answered.

    Args:
        given: the whole set.
        board: what to keep of it.
        prices: rows model, provider, usd_per_mtok_in and usd_per_mtok_out; None where costs are recorded.

    Raises:
        ValueError: a price is not there.
    """
    models = tuple(board.prices) or given.arms()
    whole = ~np.isnan(given.outcomes(models).quality).any(axis=1)
    prompts = given.prompts.filter(pa.array(whole))
    kept = np.isin(given.labels["prompt_id"].to_pylist(), prompts["prompt_id"].to_pylist())
    kept &= np.isin(given.labels["model"].to_pylist(), models)
    labels = given.labels.filter(pa.array(kept))
    if prices is not None:
        labels = _with_estimates(
            labels, prompts, {model: _usd_a_token(price, prices) for model, price in board.prices.items()}
        )
    return LabelSet(prompts, labels)


def _usd_a_token(price: Price, prices: pa.Table) -> tuple[float, float]:
    """What a token of the prompt and one of the answer cost."""
    rows = [
        row for row in prices.to_pylist() if row["model"] == price.row and (row["provider"] or "") == price.provider
    ]
    if len(rows) != 1:
        raise ValueError(
            f"{len(rows)} rows of the price table are of {price.row!r} by {price.provider!r}; one is needed"
        )
    (row,) = rows
    return price.calls * row["usd_per_mtok_in"] / 1e6, price.calls * row["usd_per_mtok_out"] / 1e6


def _with_estimates(labels: pa.Table, prompts: pa.Table, usd: dict[str, tuple[float, float]]) -> pa.Table:
    """The labels with estimated costs: characters make tokens, tokens cost what the price table says."""
    asked = dict(zip(prompts["prompt_id"].to_pylist(), map(len, prompts["prompt"].to_pylist()), strict=True))
    costs = [
        (asked[row["prompt_id"]] * usd[row["model"]][0] + len(row["response"]) * usd[row["model"]][1]) / CHARS_A_TOKEN
        for row in labels.select(["prompt_id", "model", "response"]).to_pylist()
    ]
    return labels.set_column(labels.column_names.index("cost_usd"), "cost_usd", pa.array(costs, pa.float64()))


def _collect(folder: Path) -> None:
    """Ask the pocket models; what is answered already is not asked again."""
    with TemporaryDirectory() as scratch:
        table = pa.concat_tables([pocket_prompts(TRAIN, 0), prompts_table("fresh", fresh_questions(), split="test")])
        pq.write_table(table, Path(scratch) / "prompts.parquet")
        Collection(pocket_pool(), read_prompts(Path(scratch)), folder, terms=TERMS).run(Console(stderr=True))
