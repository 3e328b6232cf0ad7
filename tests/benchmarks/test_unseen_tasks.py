"""What is left out, and what it is compared by."""

import numpy as np
import pytest

from benchmarks.unseen_tasks import _compared, groups_of


def test_few_tasks_are_left_out_one_by_one_and_many_in_ten_groups() -> None:
    assert len(groups_of(tuple(f"t{n:02}" for n in range(12)))) == 12
    groups = groups_of(tuple(f"t{n:02}" for n in range(45)))
    assert sorted(len(group) for group in groups) == [4] * 5 + [5] * 5
    assert sorted(name for group in groups for name in group) == [f"t{n:02}" for n in range(45)]


def test_unknown_outcomes_count_for_nothing_and_equal_ones_are_no_finding() -> None:
    """-1, -1, 0, 0 have mean -1/2 and standard error 0.2887: t = -1.732 at 3 degrees of freedom, p = 0.0908."""
    found = _compared(np.array([-1, -1, 0, 0, np.nan], np.float32))
    assert (found["gain"], found["departures"]) == (-0.5, 0.5)
    assert found["p"] == pytest.approx(0.0908, abs=1e-4)
    assert _compared(np.zeros(5, np.float32))["p"] == 1.0
    assert _compared(np.full(5, -1, np.float32))["p"] == 0.0
