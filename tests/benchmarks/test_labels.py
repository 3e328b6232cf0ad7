"""The part of a set that a board is about."""

import numpy as np
import pyarrow as pa
import pytest

from anabranch.data.labelset import LabelSet
from benchmarks.leaderboard.boards import Board
from benchmarks.leaderboard.labels import board_labels


def labels_of(answers: dict[str, dict[str, float]], prompts: dict[str, tuple[str, str]]) -> LabelSet:
    """Labels by model and prompt; prompts are (task, split)."""
    table = pa.table(
        {
            "prompt_id": list(prompts),
            "prompt": [f"question {name}" for name in prompts],
            "task": [task for task, _ in prompts.values()],
            "split": [split for _, split in prompts.values()],
        }
    )
    rows = [
        {"prompt_id": name, "model": model, "quality": quality, "response": "long text"}
        for model, given in answers.items()
        for name, quality in given.items()
    ]
    votes = pa.table({"prompt_id": ["x", "x"], "model_a": ["a", "a"], "model_b": ["b", "z"], "winner": ["a", "b"]})
    return LabelSet(table, pa.Table.from_pylist(rows), votes if "x" in prompts else None)


PROMPTS = {"x": ("sums/easy", "train"), "y": ("sums/hard", "test"), "z": ("rhymes", "test")}
FULL = {name: 0.4 for name in PROMPTS}


def test_families_are_kept_by_the_name_before_the_slash_and_answers_left_behind() -> None:
    kept = board_labels(labels_of({"a": FULL, "b": FULL}, PROMPTS), Board("t", "t", "", families=("sums",)))
    assert kept.prompt_ids == ("x", "y")
    assert kept.arms() == ("a", "b")
    assert "response" not in kept.labels.column_names


def test_prompts_that_are_listed_are_left_out() -> None:
    kept = board_labels(labels_of({"a": FULL, "b": FULL}, PROMPTS), Board("t", "t", ""), frozenset({"y"}))
    assert kept.prompt_ids == ("x", "z")


def test_votes_are_kept_between_models_of_the_pool_alone() -> None:
    kept = board_labels(labels_of({"a": FULL, "b": FULL}, PROMPTS), Board("t", "t", ""))
    assert kept.preferences is not None
    assert kept.preferences.select(["model_a", "model_b"]).to_pylist() == [{"model_a": "a", "model_b": "b"}]


def test_a_model_that_left_out_one_task_goes_and_a_test_prompt_that_one_model_left_out_goes() -> None:
    """20 sums and 20 rhymes: b answers 19 of the rhymes, 95 %, and stays; c answers all sums but 18 rhymes and goes."""
    prompts = {f"s{i}": ("sums", "test") for i in range(20)} | {f"r{i}": ("rhymes", "test") for i in range(20)}
    some = {
        "a": dict.fromkeys(prompts, 1.0),
        "b": {name: 1.0 for name in prompts if name != "r3"},
        "c": {name: 1.0 for name in prompts if name not in {"r4", "r5"}},
    }
    kept = board_labels(labels_of(some, prompts), Board("t", "t", ""))
    assert kept.arms() == ("a", "b")
    assert set(prompts) - set(kept.prompt_ids) == {"r3"}


def test_a_train_prompt_that_one_model_left_out_stays() -> None:
    prompts = {f"s{i}": ("sums", "train") for i in range(20)}
    some = {"a": dict.fromkeys(prompts, 1.0), "b": {name: 1.0 for name in prompts if name != "s3"}}
    assert set(board_labels(labels_of(some, prompts), Board("t", "t", "")).prompt_ids) == set(prompts)


def test_where_accuracy_counts_any_quality_above_zero_is_right() -> None:
    answers = {"a": FULL, "b": dict.fromkeys(PROMPTS, 0.0)}
    board = Board("t", "t", "", families=("sums", "rhymes"), accuracy=("sums",))
    quality = board_labels(labels_of(answers, PROMPTS), board).outcomes().quality
    np.testing.assert_allclose(quality, [[1.0, 0.0], [1.0, 0.0], [0.4, 0.0]], rtol=1e-6)


def test_a_board_without_its_models_or_its_families_is_refused() -> None:
    labels = labels_of({"a": FULL, "b": {"x": 1.0}}, PROMPTS)
    with pytest.raises(ValueError, match=r"it needs \['a', 'b'\]"):
        board_labels(labels, Board("t", "t", "", models=("a", "b")))
    with pytest.raises(ValueError, match=r"keeps no prompt: families there are \['rhymes', 'sums'\]"):
        board_labels(labels, Board("t", "t", "", families=("chess",)))
