"""The benchmark of cascades: estimated costs, what is kept of a set, the page, and a whole run on a small board."""

import json
import re
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from anabranch.data.labelset import LabelSet, write_labels
from benchmarks.cascade_curves.boards import BOARDS, NAMED, CascadeBoard, Price
from benchmarks.cascade_curves.labels import board_labels, fresh_questions
from benchmarks.cascade_curves.learn import opened, train_all
from benchmarks.cascade_curves.measure import measured
from benchmarks.cascade_curves.page import page
from tests.benchmarks.sets import two_topics

BOARD = CascadeBoard("made", "made", "Made up.", None, {"a": Price("row-a", "p"), "b": Price("row-b", "p", calls=10)})


def test_estimated_costs_are_characters_at_prices() -> None:
    """8 characters asked and 4 answered are 2 and 1 tokens: 2 * 1 + 1 * 3 = 5 USD a million; b takes ten such calls."""
    prompts = pa.table({"prompt_id": ["x", "y"], "prompt": ["12345678"] * 2, "split": ["train", "test"]})
    labels = pa.table(
        {
            "prompt_id": ["x", "x", "y", "y", "y"],
            "model": ["a", "b", "a", "b", "c"],
            "quality": [1.0, 0.0, 1.0, None, 1.0],
            "cost_usd": pa.array([None] * 5, pa.float64()),
            "response": ["1234"] * 5,
        }
    )
    prices = pa.table(
        {
            "model": ["row-a", "row-b"],
            "provider": ["p"] * 2,
            "usd_per_mtok_in": [1.0] * 2,
            "usd_per_mtok_out": [3.0] * 2,
        }
    )
    kept = board_labels(LabelSet(prompts, labels), BOARD, prices)
    assert kept.prompt_ids == ("x",), "y has no answer of b"
    assert kept.labels["cost_usd"].to_pylist() == pytest.approx([5e-6, 5e-5])
    with pytest.raises(ValueError, match="0 rows of the price table are of 'row-b' by 'p'"):
        board_labels(LabelSet(prompts, labels), BOARD, prices.slice(0, 1))


def test_prompts_of_the_pocket_board_were_in_neither_frozen_set() -> None:
    from anabranch.upstreams.pocket.frozen import test_questions, train_questions

    known = {question.prompt for question in (*train_questions(), *test_questions())}
    new = [question.prompt for question in fresh_questions()]
    assert len(new) == len(set(new)) == 2000 and not known & set(new)


@pytest.mark.slow
def test_a_small_board_is_trained_measured_and_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Cascades that read log-probabilities or texts are refused here, since there are none; the page says so."""
    write_labels(two_topics(240), tmp_path / "labels")
    board = CascadeBoard(BOARDS[0].name, "", "Two topics.", None)
    trained = train_all(board, tmp_path / "labels", tmp_path)
    refused = {one.row: one.refused for one in trained if one.refused}
    assert "no signal logprob_mean" in refused["confidence"] and "stack" not in refused
    assert train_all(board, tmp_path / "labels", tmp_path) == trained, "what is there is not trained again"
    found: dict[str, Any] = {"trained": [vars(one) for one in trained]}
    found |= json.loads(json.dumps(measured(board.name, tmp_path / "labels", opened(board, tmp_path, trained))))
    shown = page([(board, found)])
    assert f"* {board.name}: it could not be trained." in shown and NAMED[0] in refused
    assert "the answers have no signal logprob_mean" in shown and "best mix of single models" in shown
    rows = [line for line in shown.splitlines() if re.match(r"\| (stack|kernel-ridge|mlp) \(router\)", line)]
    assert len(rows) == 3
