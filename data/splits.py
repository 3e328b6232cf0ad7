"""Splits: which prompts train, which calibrate, and which are read once at the end."""

import hashlib
import json
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from anabranch.data.outcomes import Outcomes

Ints = NDArray[np.int64]
Mask = NDArray[np.bool_]

_NAMES = ("train", "validation", "test")


@dataclass(frozen=True, eq=False)
class CarvedSplits:
    """The rows of each split, ascending, and what was found on the way.

    Args:
        prompt_ids: N names, to which the rows refer.
        train: int64 rows, not empty.
        validation: int64 rows, not empty.
        test: int64 rows, not empty.
        straddlers: prompts in no split, as another split holds the same question.
        near_duplicates: prompts that repeat an earlier one, by their groups.

    Raises:
        ValueError: a split is empty.

    >>> splits = CarvedSplits(("x", "y", "z"), np.array([0]), np.array([1]), np.array([2]), 0, 0)
    >>> splits.hash() == CarvedSplits(("z", "y", "x"), np.array([2]), np.array([1]), np.array([0]), 0, 0).hash()
    True
    """

    prompt_ids: tuple[str, ...]
    train: Ints
    validation: Ints
    test: Ints
    straddlers: int
    near_duplicates: int

    def __post_init__(self) -> None:
        for name in _NAMES:
            if not len(getattr(self, name)):
                raise ValueError(
                    f"the {name} split is empty: of {len(self.prompt_ids)} prompts, {self.straddlers} left "
                    "because another split asks the same; give more prompts or other shares"
                )

    def hash(self) -> str:
        """The sha256 of which prompts are in which split; the order of prompts does not matter."""
        named = {name: sorted(self.prompt_ids[row] for row in getattr(self, name)) for name in _NAMES}
        return hashlib.sha256(json.dumps(named, sort_keys=True).encode()).hexdigest()


def carve(
    outcomes: Outcomes,
    groups: ArrayLike,
    *,
    validation_share: float = 0.15,
    test_share: float = 0.0,
    seed: int = 0,
) -> CarvedSplits:
    """Train, validation and test rows such that no group of equal questions is in two splits.

    Splits that the outcomes name are kept. A train prompt whose group is also in validation or test leaves,
    and so does a validation prompt whose group is in test. Where no prompt is named validation, whole groups
    are carved from train, in about the same share of every task; the same for test, with `test_share`.

    Args:
        outcomes: N prompts.
        groups: int64 [N], equal for prompts that ask the same (`anabranch.data.text_keys`).
        validation_share: of the train prompts, in (0, 1).
        test_share: of the train prompts, in (0, 1); only for outcomes that name no test split.
        seed: of the choice of groups.

    Raises:
        ValueError: all prompts are equal, a share is out of range, there is no test split (or one, and a
            share for another), or a split ends up empty.

    >>> splits = carve(Outcomes.from_arrays(["a"], [[1.0]] * 20), range(20), test_share=0.25)
    >>> len(splits.train), len(splits.validation), len(splits.test)
    (13, 2, 5)
    """
    group = np.asarray(groups)
    _check(outcomes, group, validation_share, test_share)
    tasks, rng = np.array(outcomes.tasks), np.random.default_rng(seed)
    train, validation, test = (np.array(outcomes.splits) == name for name in _NAMES)
    train &= ~np.isin(group, group[validation | test])
    if not test.any():
        test = _carved(train, group, tasks, test_share, rng)
    if validation.any():
        validation &= ~np.isin(group, group[test])
    else:
        validation = _carved(train & ~test, group, tasks, validation_share, rng)
    train &= ~validation & ~test
    return CarvedSplits(
        prompt_ids=outcomes.prompt_ids,
        train=np.flatnonzero(train),
        validation=np.flatnonzero(validation),
        test=np.flatnonzero(test),
        straddlers=int((~(train | validation | test)).sum()),
        near_duplicates=len(group) - len(np.unique(group)),
    )


def _check(outcomes: Outcomes, group: Ints, validation_share: float, test_share: float) -> None:
    if group.shape != (len(outcomes),):
        raise ValueError(f"groups has shape {group.shape} for {len(outcomes)} prompts")
    if len(np.unique(group)) < 2:
        raise ValueError("prompts are all equal; a router has nothing to tell apart")
    if not 0 < validation_share < 1:
        raise ValueError(f"validation_share is {validation_share}; it must lie in (0, 1)")
    if not 0 <= test_share < 1:
        raise ValueError(f"test_share is {test_share}; it must lie in (0, 1), or be 0 for a given test split")
    named = sorted(set(outcomes.splits))
    if "test" in named and test_share:
        raise ValueError(f"test_share is {test_share}, but there is a test split; leave test_share away")
    if "test" not in named and not test_share:
        raise ValueError(f"no test split (splits: {named}); name one in prompts.parquet, or give --test_share")


def _carved(pool: Mask, group: Ints, tasks: NDArray[np.str_], share: float, rng: np.random.Generator) -> Mask:
    """Whole groups of `pool` that hold about `share` of it, task after task, mask [N]."""
    rows = np.flatnonzero(pool)
    names, first, sizes = np.unique(group[rows], return_index=True, return_counts=True)
    order = np.lexsort((rng.random(len(names)), tasks[rows[first]]))
    chosen, want, taken = [], 0.0, 0
    for one in order:
        want += share * sizes[one]
        # a group joins when that brings what is taken nearer to what is wanted by now
        if taken + sizes[one] / 2 <= want:
            chosen.append(names[one])
            taken += sizes[one]
    return np.asarray(pool & np.isin(group, chosen))
