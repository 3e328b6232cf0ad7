"""Seeds to standings."""

import numpy as np
import pytest

from benchmarks.leaderboard.entries import Entry
from benchmarks.leaderboard.standings import standings


def entry(recipe: str, seed: int, quality: list[float], gain: list[float] | None = None) -> Entry:
    """An entry whose rows are [observed, replicates...]."""
    rows = {"quality": np.array(quality)} | ({} if gain is None else {"gain": np.array(gain)})
    return Entry("board", recipe, seed, "key", rows=rows, facts={"head_us": 10.0 * (1 + seed), "quality_kind": "score"})


def test_a_figure_is_the_mean_over_seeds_and_its_interval_that_of_the_mean() -> None:
    """Seeds 0.5 and 0.7 have mean 0.6. Their replicates, draw by draw, have means 0.4, 0.5 and 0.9, of which a 95 %
    interval of three replicates takes the lowest and the highest. The spread of seeds, 0.5 to 0.7, stays apart."""
    (row,) = standings([entry("knn", 1, [0.7, 0.6, 0.8, 1.0]), entry("knn", 0, [0.5, 0.2, 0.2, 0.8])], "quality")
    figure = row.figures["quality"]
    assert (figure.value, figure.low, figure.high) == pytest.approx((0.6, 0.4, 0.9))
    assert figure.seeds == (0.5, 0.7)
    assert row.seeds == (0, 1)
    assert row.facts == {"head_us": 15.0}
    assert row.quality_kind == "score"


def test_rows_are_sorted_by_the_main_figure_and_failures_come_last() -> None:
    failed = Entry("board", "alpha", 0, "key", error="ValueError: no")
    rows = standings([failed, entry("low", 0, [0.1, 0.1]), entry("high", 0, [0.9, 0.9])], "quality")
    assert [row.recipe for row in rows] == ["high", "low", "alpha"]
    assert rows[-1].errors == ("ValueError: no",)
    assert rows[-1].figures == {}


def test_a_seed_that_failed_is_told_and_the_others_count() -> None:
    failed = Entry("board", "knn", 1, "key", error="ValueError: no")
    (row,) = standings([entry("knn", 0, [0.4, 0.4]), failed], "quality")
    assert row.figures["quality"].value == 0.4
    assert (row.seeds, row.errors) == ((0,), ("ValueError: no",))


def test_significance_is_of_the_mean_over_seeds_and_corrected_over_the_recipes() -> None:
    """99 replicates. `sure` is above 0 in all: p = 1 / 100, doubled by Holm. `torn` gains 3 under one seed and loses 1
    under the other, in every draw: the mean is 1, p = 1 / 100, too. `none` is 0 throughout: p = 1.
    With three comparisons the two small ones become 3 / 100 and max(3, 2) / 100."""
    flat = [0.5] * 100
    entries = [
        entry("sure", 0, flat, [1.0] * 100),
        entry("torn", 0, flat, [3.0] * 100),
        entry("torn", 1, flat, [-1.0] * 100),
        entry("none", 0, flat, [0.0] * 100),
    ]
    p = {row.recipe: row.p["gain"] for row in standings(entries, "quality")}
    assert p == pytest.approx({"sure": 0.03, "torn": 0.03, "none": 1.0})


def test_a_figure_out_of_reach_stays_out_of_reach() -> None:
    (row,) = standings([entry("knn", 0, [np.inf, 0.5, np.inf]), entry("knn", 1, [0.5, 0.5, 0.5])], "quality")
    assert row.figures["quality"].value == np.inf
    assert row.figures["quality"].low == 0.5
