"""Weak-strong curve, APGR and CPT: the vectors of the specification, ties, and the closed form of the bootstrap."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from anabranch.training.metrics.pair import apgr, bootstrap_apgr, bootstrap_cpt, cpt, oracle_apgr, pair_curve, pgr

SHARE, QUALITY = [0, 0.5, 1], [0.5, 0.8, 0.9]

rows = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 4), st.integers(0, 4)), min_size=2, max_size=12)


def test_pgr() -> None:
    """(.8 - .5) / (.9 - .5) = .75; it may leave [0, 1]."""
    assert pgr([0.8, 0.4, 1.0], weak=0.5, strong=0.9) == pytest.approx([0.75, -0.25, 1.25])


def test_no_gap_is_nan() -> None:
    assert np.isnan(pgr(0.5, weak=0.5, strong=0.5 + 1e-10))
    assert np.isnan(apgr([0, 1], [0.5, 0.5]))
    assert np.isnan(cpt([0, 1], [0.5, 0.5], 0.5))


def test_apgr_vector() -> None:
    """PGR 0, .75, 1: (0 + .75) / 4 + (.75 + 1) / 4 = .625."""
    assert apgr(SHARE, QUALITY) == pytest.approx(0.625)


def test_cpt_vector() -> None:
    """.5 is two thirds of the way to .75 at .5: 1 / 3. .8 is a fifth of the way from .75 to 1: .6."""
    assert cpt(SHARE, QUALITY, 0.5) == pytest.approx(1 / 3)
    assert cpt(SHARE, QUALITY, 0.8) == pytest.approx(0.6)


def test_cpt_ends() -> None:
    assert cpt(SHARE, QUALITY, 0.0) == 0.0
    assert cpt(SHARE, QUALITY, 1.0) == 1.0
    assert np.isnan(cpt(SHARE, QUALITY, 1.01))


def test_cpt_takes_the_first_crossing_of_a_curve_that_falls_again() -> None:
    """PGR 0, .8, .2, 1 at 0, .25, .5, 1: .6 is reached at .25 * .6 / .8."""
    assert cpt([0, 0.25, 0.5, 1], [0.0, 0.8, 0.2, 1.0], 0.6) == pytest.approx(0.1875)


def test_curve_by_hand() -> None:
    """Gains +1, 0, -1 of prompts scored 3, 2, 1: mean quality 1/3 at the weak end, then 2/3, 2/3, 1/3."""
    share, quality = pair_curve([2, 1, 3], weak=[0, 1, 0], strong=[0, 0, 1])
    assert share == pytest.approx([0, 1 / 3, 2 / 3, 1])
    assert quality == pytest.approx([1 / 3, 2 / 3, 2 / 3, 1 / 3])


def test_a_tie_group_is_straight() -> None:
    """Two prompts tie with gains 1 and 0: after one of them half the group's gain of 1/4 + 0 is expected."""
    share, quality = pair_curve([5, 5, 1, 1], weak=[0, 0, 0, 0], strong=[1, 0, 1, 1])
    assert share.tolist() == [0, 0.25, 0.5, 0.75, 1]
    assert quality == pytest.approx([0, 0.125, 0.25, 0.5, 0.75])


def test_all_tied_is_the_random_router() -> None:
    """A straight line from weak to strong recovers half the gap on average."""
    assert apgr(*pair_curve([7] * 5, [0, 0, 1, 0, 1], [1, 1, 1, 0, 0.5])) == pytest.approx(0.5)


def test_weights_repeat_prompts() -> None:
    """Weight 3 on the first prompt equals giving it three times."""
    share, quality = pair_curve([2, 1], [0, 0], [1, 0], weights=[3, 1])
    assert share.tolist() == [0, 0.75, 1] and quality == pytest.approx([0, 0.75, 0.75])


def test_prompts_with_a_missing_cell_are_left_out() -> None:
    whole = pair_curve([3, 2], [0, 1], [1, 1])
    holes = pair_curve([3, 9, 2, 8, np.nan], [0, np.nan, 1, 0, 0], [1, 1, 1, np.nan, 1])
    np.testing.assert_allclose(whole, holes)


def test_nothing_known_and_negative_weights_are_refused() -> None:
    with pytest.raises(ValueError, match="0 of 1 prompts"):
        pair_curve([1], [np.nan], [1])
    with pytest.raises(ValueError, match="no negative weight"):
        pair_curve([1, 2], [0, 0], [1, 1], weights=[2, -1])


def test_a_curve_that_does_not_span_all_shares_is_refused() -> None:
    with pytest.raises(ValueError, match=r"runs from 0.0 to 0.9; it must run from 0 to 1"):
        apgr([0, 0.9], [0, 1])


def test_oracle_apgr() -> None:
    """One of four prompts is fixed by the strong model: PGR 1 from share 1/4 on, area 1/8 + 3/4."""
    assert oracle_apgr([0, 1, 1, 0], [1, 1, 1, 0]) == pytest.approx(0.875)


def test_oracle_quality_rises_with_calls_until_all_fixable_are_fixed() -> None:
    """2 of 4 right with the weak model, 1 fixable: quality min(1/2 + share, 3/4) while no call harms."""
    _, quality = pair_curve([1, 0, 0, 0], weak=[0, 1, 1, 0], strong=[1, 1, 1, 0])
    assert quality == pytest.approx([0.5, 0.75, 0.75, 0.75, 0.75])


@given(rows)
def test_no_score_beats_the_oracle(data: list[tuple[int, int, int]]) -> None:
    score, weak, strong = (np.array(column, float) for column in zip(*data, strict=True))
    _, mine = pair_curve(score, weak, strong)
    _, oracle = pair_curve(strong - weak, weak, strong)
    assert np.all(mine <= oracle + 1e-12)


@given(rows)
def test_the_closed_form_equals_the_curve(data: list[tuple[int, int, int]]) -> None:
    score, weak, strong = (np.array(column, float) for column in zip(*data, strict=True))
    counts = np.random.default_rng(len(data)).integers(0, 3, (4, len(data)))
    counts[:, 0] += 1
    expected = [apgr(*pair_curve(score, weak, strong, weights=row)) for row in counts]
    np.testing.assert_allclose(bootstrap_apgr(counts, score, weak, strong), expected, atol=1e-9)


@given(rows, st.integers(0, 99))
def test_order_of_prompts_is_irrelevant(data: list[tuple[int, int, int]], seed: int) -> None:
    columns = [np.array(column, float) for column in zip(*data, strict=True)]
    order = np.random.default_rng(seed).permutation(len(data))
    np.testing.assert_allclose(pair_curve(*columns), pair_curve(*(column[order] for column in columns)), atol=1e-12)


def test_bootstrap_apgr_leaves_missing_prompts_out() -> None:
    """Without the middle prompt, which has no strong quality, the oracle order of one fixable in two gives .75."""
    values = bootstrap_apgr([[1, 9, 1]], [3, 2, 1], [0, 0, 1], [1, np.nan, 1])
    assert values.tolist() == [0.75]


def test_bootstrap_cpt_equals_cpt_of_each_replicate() -> None:
    """Drawing a prompt twice is the same as having it twice."""
    rng = np.random.default_rng(3)
    score, weak, strong = rng.random(30).round(1), rng.integers(0, 2, 30), rng.integers(0, 2, 30)
    counts = rng.integers(0, 4, (20, 30))
    found = bootstrap_cpt(counts, score, weak, strong, levels=(0.5, 0.8))
    for row, drawn in enumerate(counts):
        curve = pair_curve(*(np.repeat(values, drawn) for values in (score, weak, strong)))
        for level, values in zip((0.5, 0.8), found, strict=True):
            assert values[row] == pytest.approx(cpt(*curve, level), nan_ok=True)


def test_replicate_that_drew_nothing_is_undefined() -> None:
    (found,) = bootstrap_cpt([[0, 0]], [0.9, 0.1], [0, 0], [1, 1], levels=(0.5,))
    assert np.isnan(found).all()
    assert np.isnan(bootstrap_apgr([[0, 0]], [0.9, 0.1], [0, 0], [1, 1])).all()
