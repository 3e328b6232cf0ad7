import hashlib
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from anabranch.data.outcomes import Outcomes
from anabranch.data.splits import CarvedSplits, carve


def prompts(splits: list[str], tasks: list[str] | None = None) -> Outcomes:
    return Outcomes.from_arrays(["m"], [[1.0]] * len(splits), splits=splits, tasks=tasks)


def in_each(splits: CarvedSplits, of: np.ndarray) -> list[set[int]]:
    return [set(of[rows].tolist()) for rows in (splits.train, splits.validation, splits.test)]


def test_given_splits_are_kept() -> None:
    outcomes = prompts(["train", "test", "validation", "train"])

    splits = carve(outcomes, [0, 1, 2, 3])

    assert in_each(splits, np.arange(4)) == [{0, 3}, {2}, {1}]
    assert (splits.straddlers, splits.near_duplicates) == (0, 0)


def test_straddlers_leave_the_earlier_split() -> None:
    """Row 0 (train) asks what row 5 (test) asks, row 2 (validation) what row 6 does, row 1 what row 3 does."""
    outcomes = prompts(["train", "train", "validation", "validation", "train", "test", "test"])

    splits = carve(outcomes, [5, 7, 6, 7, 4, 5, 6])

    assert in_each(splits, np.arange(7)) == [{4}, {3}, {5, 6}]
    assert (splits.straddlers, splits.near_duplicates) == (3, 3)


def test_validation_is_carved_from_train_in_every_task() -> None:
    """0.25 of 40 prompts of task a is 10, and of 20 of task b is 5; the test split is left alone."""
    outcomes = prompts(["train"] * 60 + ["test"] * 5, ["a"] * 40 + ["b"] * 20 + ["c"] * 5)

    splits = carve(outcomes, range(65), validation_share=0.25, seed=3)

    assert Counter(outcomes.tasks[row] for row in splits.validation) == {"a": 10, "b": 5}
    assert splits.test.tolist() == [60, 61, 62, 63, 64]
    assert len(splits.train) == 45


def test_many_small_tasks_add_up_to_the_share() -> None:
    """20 tasks of 2 prompts at 0.25: no task alone deserves a whole prompt, all together deserve 10."""
    outcomes = prompts(["train"] * 40 + ["test"], [f"t{row // 2:02}" for row in range(40)] + ["t"])

    assert len(carve(outcomes, range(41), validation_share=0.25).validation) == 10


def test_a_test_split_is_carved_when_asked_for() -> None:
    """0.2 of 50 is 10; of the 40 left, 0.25 is 10."""
    splits = carve(prompts(["train"] * 50), range(50), validation_share=0.25, test_share=0.2)

    assert [len(rows) for rows in (splits.train, splits.validation, splits.test)] == [30, 10, 10]


@given(
    st.lists(st.integers(0, 12), min_size=30, max_size=60),
    st.lists(st.sampled_from(["train", "train", "validation", "test"]), min_size=60, max_size=60),
    st.integers(0, 5),
)
def test_no_group_is_in_two_splits(groups: list[int], names: list[str], seed: int) -> None:
    outcomes = prompts(names[: len(groups)])
    group = np.array(groups)
    try:
        splits = carve(outcomes, group, test_share=0.0 if "test" in outcomes.splits else 0.3, seed=seed)
    except ValueError as error:
        assert "empty" in str(error) or "equal" in str(error)
        return

    train, validation, test = in_each(splits, group)
    assert not (train & validation or train & test or validation & test)
    rows = np.concatenate([splits.train, splits.validation, splits.test])
    assert len(np.unique(rows)) == len(rows) == len(groups) - splits.straddlers
    if "test" in outcomes.splits:
        assert splits.test.tolist() == [row for row, name in enumerate(outcomes.splits) if name == "test"]


def test_the_seed_decides_and_nothing_else() -> None:
    outcomes = prompts(["train"] * 99 + ["test"])

    one, same, other = (carve(outcomes, range(100), seed=seed) for seed in (1, 1, 2))

    assert one.hash() == same.hash() != other.hash()
    assert len(one.validation) == len(other.validation)


def test_the_hash_is_that_of_the_sorted_names() -> None:
    splits = CarvedSplits(("b", "a", "v", "t"), np.array([0, 1]), np.array([2]), np.array([3]), 0, 0)

    written = b'{"test": ["t"], "train": ["a", "b"], "validation": ["v"]}'
    assert splits.hash() == hashlib.sha256(written).hexdigest()


@pytest.mark.parametrize(
    ("splits", "groups", "options", "message"),
    [
        (["train", "test"], [0, 0], {}, "prompts are all equal; a router has nothing to tell apart"),
        (["train", "train"], [0, 1], {}, r"no test split \(splits: \['train'\]\).*--test_share"),
        (["train", "test"], [0, 1], {"test_share": 0.2}, "there is a test split; leave test_share away"),
        (["train", "test"], [0, 1], {"validation_share": 0.0}, r"validation_share is 0.0; .* \(0, 1\)"),
        (["train", "train"], [0, 1], {"test_share": 1.0}, "test_share is 1.0"),
        (["train", "test"], [0, 1], {}, "the validation split is empty: of 2 prompts, 0 left"),
        (["train", "test", "test"], [0, 0, 1], {}, "the train split is empty: of 3 prompts, 1 left"),
        (["train", "test"], [0], {}, r"groups has shape \(1,\) for 2 prompts"),
    ],
)
def test_what_cannot_be_split_is_said(
    splits: list[str], groups: list[int], options: dict[str, float], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        carve(prompts(splits), groups, **options)  # type: ignore[arg-type]
