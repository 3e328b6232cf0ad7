import json
from collections.abc import Callable

import pytest

from anabranch.data.describe import describe
from anabranch.data.labelset import LabelSet

Build = Callable[..., LabelSet]
QUESTIONS = ["Name a river.", "Name a lake in Norway", "name a river", "Why is the sky blue", "Count to three"]


def five_prompts(build: Build) -> LabelSet:
    splits = ["train", "train", "test", "test", "test"]
    tasks = ["geo", "geo", "geo", "sky", "sky"]
    qualities: dict[str, list[float | None]] = {
        "a": [1.0, 0.5, 0.0, 0.5, 1.0],
        "b": [0.5, 0.5, 1.0, 1.0, None],
        "c": [None, 1.0, 1.0, 1.0, 1.0],
    }
    return build(
        [(f"p{row}", text, splits[row], tasks[row]) for row, text in enumerate(QUESTIONS)],
        [
            (f"p{row}", model, quality, 0.25 if model == "a" else None)
            for model, column in qualities.items()
            for row, quality in enumerate(column)
        ],
        [("p0", "a", "b", "tie")],
    )


def test_prompts_are_counted(build: Build) -> None:
    """p2 asks what p0 asks, and p0 is in train while p2 is in test."""
    facts = describe(five_prompts(build))

    assert (facts.prompts, facts.preferences) == (5, 1)
    assert facts.splits == {"test": 3, "train": 2}
    assert facts.tasks == {"geo": {"test": 1, "train": 2}, "sky": {"test": 2}}
    assert (facts.exact_duplicates, facts.near_duplicates, facts.straddlers) == (1, 1, 1)


def test_baselines_are_measured_on_test_and_chosen_on_train(build: Build) -> None:
    """On train a has 0.75, b 0.5, and c labels on half only, so it does not compete. On test a has 0.5.
    Random: (0.5, 0.75, 1) / 3 = 0.75; oracle: (1, 1, 1) / 3 = 1 (of a and b)."""
    labels = describe(five_prompts(build)).labels

    assert labels is not None
    assert (labels.measured_on, labels.best_single) == ("test", "a")
    assert labels.best_single_quality == pytest.approx(0.5)
    assert labels.random_quality == pytest.approx(0.75)
    assert labels.oracle_quality == pytest.approx(1.0)


def test_models_stand_best_first_with_their_coverage(build: Build) -> None:
    """13 of 15 cells are known; a has (1 + 0.5 + 0 + 0.5 + 1) / 5, b 3 / 4, c 4 / 4; a's 5 costs are known."""
    labels = describe(five_prompts(build)).labels

    assert labels is not None
    assert [(model.name, model.coverage, model.quality) for model in labels.models] == [
        ("c", 0.8, 1.0),
        ("b", 0.8, 0.75),
        ("a", 1.0, pytest.approx(0.6)),
    ]
    assert [model.cost_usd for model in labels.models] == [None, None, 0.25]
    assert labels.missing_cells == pytest.approx(2 / 15)
    assert labels.cost_known == pytest.approx(5 / 13)
    assert labels.samples == 1


def test_without_splits_all_prompts_are_measured(build: Build) -> None:
    """Without names all prompts are train: a has 0.6 of them, b's 0.25 is on the same prompts."""
    rows = [(f"p{row}", f"question {row}", None, None) for row in range(4)]
    labels = [(f"p{row}", model, quality, None) for row in range(4) for model, quality in (("a", 0.5), ("b", 0.25))]

    facts = describe(build(rows, labels))

    assert facts.labels is not None
    assert (facts.labels.measured_on, facts.labels.best_single, facts.labels.oracle_quality) == ("all", "a", 0.5)
    assert facts.tasks == {"all": {"train": 4}}


def test_a_shared_head_collides_and_its_tail_tells_apart(build: Build) -> None:
    """Three prompts share 300 words; the fourth is short. Two equal prompts are no collision."""
    head = " ".join(f"w{number}" for number in range(300))
    texts = [f"{head} one", f"{head} two", f"{head} two", "short", "short"]
    rows = [(f"p{row}", text, "train", "t") for row, text in enumerate(texts)]

    facts = describe(build(rows, [("p0", "a", 1.0, None)]))

    assert facts.colliding_heads == pytest.approx(0.6)
    assert facts.colliding_heads_and_tails == 0.0


def test_preferences_only(build: Build) -> None:
    full = five_prompts(build)
    facts = describe(LabelSet(full.prompts, full.labels.slice(0, 0), full.preferences))

    assert facts.labels is None
    assert facts.preferences == 1


def test_json_says_null_for_what_is_not_known(build: Build) -> None:
    facts = json.loads(describe(five_prompts(build)).to_json())

    assert facts["labels"]["models"][0] == {"name": "c", "coverage": 0.8, "quality": 1.0, "cost_usd": None}
    assert facts["straddlers"] == 1
