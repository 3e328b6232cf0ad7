"""Learning curves by hand."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from anabranch.data.outcomes import Outcomes
from anabranch.training.ground import Ground, lay_ground
from anabranch.training.learning_curve import Trial, learning_curve, subsets
from anabranch.training.paired import Paired

LEFT, RIGHT = np.zeros(200, np.int64), np.ones(200, np.int64)
TURNS = np.arange(200) % 2


def table(prompts: int = 160, **options: object) -> Outcomes:
    """Two arms that are right in turn."""
    turn = np.arange(prompts) % 2
    return Outcomes.from_arrays(["a", "b"], np.stack([1.0 - turn, turn], axis=1), **options)  # type: ignore[arg-type]


def ground(cost: bool = False) -> Ground:
    """200 test prompts, 100 for each arm; calls of "b" cost 3 and of "a" 1."""
    outcomes = table(200, cost_usd=np.tile([1.0, 3.0], (200, 1))) if cost else table(200)
    return lay_ground(outcomes, outcomes, Paired.draw(200, 400, seed=0))


def trial(share: float, choice: np.ndarray, best: np.ndarray | None = None) -> Trial:
    return Trial(share, round(100 * share), choice, choice if best is None else best)


def test_subsets_are_nested_and_of_the_asked_size() -> None:
    """160 prompts that differ: 10, 20, 40 and 80, three of each, each within the next of its draw."""
    found = subsets(table(), np.arange(160))
    assert [(one.share, len(one.rows)) for one in found] == [
        (share, size) for share, size in ((1 / 16, 10), (1 / 8, 20), (1 / 4, 40), (1 / 2, 80)) for _ in range(3)
    ]
    for draw in range(3):
        own = [set(one.rows.tolist()) for one in found if one.draw == draw]
        assert all(small < large for small, large in pairwise(own))
    assert len({tuple(one.rows) for one in found}) == 12


def test_subsets_depend_on_their_seed_alone() -> None:
    first, second, other = (subsets(table(), np.arange(160), seed=seed) for seed in (0, 0, 1))
    assert all(np.array_equal(one.rows, two.rows) for one, two in zip(first, second, strict=True))
    assert not np.array_equal(first[0].rows, other[0].rows)


def test_prompts_that_ask_the_same_come_together() -> None:
    """40 groups of four: a half is 20 whole groups, an eighth of 20 prompts is five."""
    groups = np.repeat(np.arange(40), 4)
    for one in subsets(table(), groups, shares=(1 / 8, 1 / 2)):
        kept, sizes = np.unique(groups[one.rows], return_counts=True)
        assert (sizes == 4).all() and len(kept) == 40 * one.share


def test_sizes_that_are_too_small_or_lack_an_arm_are_left_out() -> None:
    """Of 100 prompts a sixteenth is 7; "b" is known on one prompt only, which few subsets hold."""
    assert {one.share for one in subsets(table(100), np.arange(100))} == {1 / 8, 1 / 4, 1 / 2}
    quality = table(100).quality.copy()
    quality[1:, 1] = np.nan
    rare = Outcomes.from_arrays(["a", "b"], quality)
    assert all(0 in one.rows for one in subsets(rare, np.arange(100)))


def test_figures_of_a_size_are_means_over_its_draws() -> None:
    """One draw is always right (1), one always takes the first arm (0.5): 0.75, and 0.25 over the best single arm."""
    found = learning_curve([trial(0.5, TURNS), trial(0.5, LEFT), trial(1.0, TURNS)], ground(), validation=7)
    half, whole = found.rows
    assert (half.prompts, half.share, half.draws) == (50, 0.5, (1.0, 0.5))
    assert (half.quality.value, half.gain.value, whole.quality.value) == (0.75, 0.25, 1.0)
    assert found.best_single.value == 0.5
    assert found.validation == 7
    # replicates draw the draws again, so both of them alone are within the interval
    assert half.quality.low < 0.55 and half.quality.high > 0.95
    assert whole.quality == replace(whole.quality, low=1.0, high=1.0)


def test_gain_is_over_the_mix_of_the_same_cost() -> None:
    """Both arms are right half of the time, so the mix is the cheap one: turns cost 2, gain 0.5; the dear arm 0."""
    found = learning_curve([trial(0.5, RIGHT), trial(1.0, TURNS)], ground(cost=True), validation=7)
    half, whole = found.rows
    assert half.cost is not None and whole.cost is not None
    assert (half.cost.value, whole.cost.value) == (3.0, 2.0)
    assert (half.gain.value, whole.gain.value) == (0.0, 0.5)
    assert "the best mix of single models at the same cost" in found.because


def test_the_last_doubling_is_paired() -> None:
    """Both sizes choose alike, so nothing is gained in any replicate, however few the prompts."""
    found = learning_curve([trial(0.5, LEFT), trial(1.0, LEFT)], ground(), validation=7)
    doubling = found.last_doubling
    assert doubling is not None and (doubling.value, doubling.low, doubling.high) == (0, 0, 0)
    assert found.word == "no"
    assert found.because.startswith(
        "Twice as many labels would hardly gain 0.02 more. The last doubling, from 50 to 100"
    )


@pytest.mark.parametrize(
    ("half", "half_at_1", "word"),
    [
        (LEFT, LEFT, "yes"),
        (TURNS, LEFT, "yes"),
        (np.where(np.arange(200) < 2, 1 - TURNS, TURNS), TURNS, "unclear"),
    ],
    ids=["both gain", "only trade-off 1 gains", "two prompts in a hundred"],
)
def test_the_word_follows_both_intervals(half: np.ndarray, half_at_1: np.ndarray, word: str) -> None:
    """All prompts make the router perfect. Half of them: half right, a gain of 0.5; or 198 of 200 right, a gain
    of 0.01. The two prompts are drawn 0 times in 13 % of the replicates and 5 times or more in 5 %, both more than the
    1.25 % at either end, so the interval holds 0 and 0.025."""
    found = learning_curve([trial(0.5, half, half_at_1), trial(1.0, TURNS)], ground(), validation=7)
    assert found.last_doubling is not None and found.last_doubling_at_1 is not None
    assert found.word == word


def test_without_a_half_nothing_is_claimed() -> None:
    found = learning_curve([trial(1.0, TURNS)], ground(), validation=7)
    assert (found.word, found.last_doubling, len(found.rows)) == ("unknown", None, 1)
    assert "not known" in found.because
