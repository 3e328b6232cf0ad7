"""Paired bootstrap: draws, means, intervals, p-values."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from anabranch.training.metrics.bootstrap import (
    bootstrap_means,
    interval,
    paired_p_value,
    resample_counts,
    sign_flip_p_value,
    weighted_sums,
)


def test_every_replicate_draws_as_many_prompts_as_there_are() -> None:
    counts = resample_counts(50, 200, np.random.default_rng(0))
    assert counts.dtype == np.float32 and counts.shape == (200, 50)
    assert np.all(counts.sum(axis=1) == 50)
    assert np.all(counts == np.round(counts))


def test_counts_are_multinomial() -> None:
    """Each count is binomial (20, 1/20): mean 1, variance .95, known to .03 from 80000 cells."""
    counts = resample_counts(20, 4000, np.random.default_rng(1))
    assert counts.mean() == pytest.approx(1.0)
    assert counts.var() == pytest.approx(0.95, abs=0.03)
    assert np.abs(counts.mean(axis=0) - 1).max() < 5 * np.sqrt(0.95 / 4000)


def test_the_seed_decides() -> None:
    one, two, other = (resample_counts(30, 5, np.random.default_rng(seed)) for seed in (0, 0, 1))
    assert np.array_equal(one, two) and not np.array_equal(one, other)


def test_groups_are_drawn_whole() -> None:
    groups = np.array(["a", "b", "a", "c", "b", "a"])
    counts = resample_counts(6, 100, np.random.default_rng(0), groups=groups)
    for label in "abc":
        assert np.all(np.ptp(counts[:, groups == label], axis=1) == 0)
    firsts = counts[:, [0, 1, 3]]  # one prompt of each group
    assert np.all(firsts.sum(axis=1) == 3)


def test_strata_keep_their_size() -> None:
    strata = np.array([7, 7, 7, 2, 2, 2, 2])
    counts = resample_counts(7, 100, np.random.default_rng(0), strata=strata)
    assert np.all(counts[:, strata == 7].sum(axis=1) == 3)
    assert np.all(counts[:, strata == 2].sum(axis=1) == 4)
    assert len(np.unique(counts, axis=0)) > 10


def test_groups_inside_strata() -> None:
    """Stratum x has groups 0 and 1 of two prompts each, stratum y the single prompt of group 2."""
    counts = resample_counts(5, 50, np.random.default_rng(0), groups=[0, 0, 1, 1, 2], strata=list("xxxxy"))
    assert np.all(counts[:, 4] == 1)
    assert np.all(counts[:, 0] == counts[:, 1]) and np.all(counts[:, 0] + counts[:, 2] == 2)


def test_a_group_in_two_strata_is_refused() -> None:
    with pytest.raises(ValueError, match="the group of prompt 0 lies in two strata"):
        resample_counts(2, 3, np.random.default_rng(0), groups=[5, 5], strata=[0, 1])


@pytest.mark.parametrize(("n", "replicates"), [(0, 5), (5, 0)])
def test_nothing_to_draw_is_refused(n: int, replicates: int) -> None:
    with pytest.raises(ValueError, match=f"{replicates} replicates of {n} prompts"):
        resample_counts(n, replicates, np.random.default_rng(0))


def test_singleton_groups_are_the_plain_bootstrap() -> None:
    plain, single = (
        resample_counts(40, 30, np.random.default_rng(3), groups=groups) for groups in (None, np.arange(40))
    )
    assert np.array_equal(plain, single)


def test_many_blocks_equal_one_product() -> None:
    """More cells than one block holds: 9000 replicates of 1000 prompts against the direct product."""
    counts = resample_counts(1000, 9000, np.random.default_rng(0))
    assert np.all(counts.sum(axis=1) == 1000)
    values = np.random.default_rng(1).random((1000, 2))
    np.testing.assert_allclose(weighted_sums(counts, values), counts.astype(np.float64) @ values)


def test_means_by_hand() -> None:
    """Counts (2, 1, 0) of values 3, 6, 9: (6 + 6) / 3 = 4."""
    assert bootstrap_means([[2, 1, 0]], [[3.0], [6.0], [9.0]]).tolist() == [[4.0]]


def test_a_missing_cell_is_left_out_of_its_column_only() -> None:
    """Column 1 without its first cell: (6 * 1) / 1; drawing only that cell gives nothing to average."""
    values = [[3.0, np.nan], [6.0, 6.0]]
    means = bootstrap_means([[2, 1], [3, 0]], values)
    np.testing.assert_allclose(means, [[4.0, 6.0], [3.0, np.nan]])


def test_shapes_must_agree() -> None:
    with pytest.raises(ValueError, match=r"counts \(1, 2\) and values \(3, 1\) must agree"):
        weighted_sums([[1, 1]], [[1.0], [2.0], [3.0]])


@given(st.floats(-1e3, 1e3), st.integers(1, 30), st.integers(0, 99))
def test_a_constant_column_stays_constant(value: float, n: int, seed: int) -> None:
    counts = resample_counts(n, 8, np.random.default_rng(seed))
    assert bootstrap_means(counts, np.full((n, 1), value)) == pytest.approx(np.full((8, 1), value), rel=1e-12)


def test_the_interval_of_a_mean_has_its_standard_error() -> None:
    """n = 400 values with standard deviation s: half the 95 % interval is 1.96 s / 20, here within 10 %."""
    values = np.random.default_rng(0).standard_normal((400, 1))
    low, high = interval(bootstrap_means(resample_counts(400, 4000, np.random.default_rng(1)), values))
    assert (high - low) / 2 == pytest.approx(1.96 * values.std() / 20, rel=0.1)


def test_interval_by_hand() -> None:
    """Of 0, ..., 40 the central 95 % leave 2.5 % of the 40 steps out at each end: 1 and 39; columns are apart."""
    samples = np.arange(41.0)[::-1, None] * [1, 10]
    low, high = interval(samples)
    assert low.tolist() == [1, 10] and high.tolist() == [39, 390]


def test_interval_rounds_outwards() -> None:
    """Of 0, ..., 10 the 80 % interval is 1 to 9; the 75 % interval cuts 1.25 steps and so stays at 1 to 9."""
    for level in (0.8, 0.75):
        assert [float(end) for end in interval(np.arange(11.0), level)] == [1, 9]


def test_interval_with_infinite_and_missing_replicates() -> None:
    low, high = interval(np.array([1.0, np.inf, np.nan, 2.0]))
    assert [float(low), float(high)] == [1.0, np.inf]
    assert np.isnan(interval(np.array([np.nan, np.nan]))).all()


@pytest.mark.parametrize("level", [0, 1, 95])
def test_interval_level(level: float) -> None:
    with pytest.raises(ValueError, match=f"level {level} must lie between 0 and 1"):
        interval(np.arange(3.0), level)


def test_paired_p_value() -> None:
    """Of 9 replicates one is negative and one zero: (1 + 2) / 10; a NaN speaks for nobody. Columns are apart."""
    samples = np.array([[-1.0, np.nan], [0.0, 1.0], *[[1.0, 1.0]] * 7])
    assert paired_p_value(samples).tolist() == [0.3, 0.2]


def test_pairing_cancels_what_routers_share() -> None:
    """B is A plus .01 on every prompt: each paired difference is .01, though the two intervals overlap."""
    a = np.random.default_rng(0).random((100, 1))
    counts = resample_counts(100, 99, np.random.default_rng(1))
    difference = bootstrap_means(counts, a + 0.01) - bootstrap_means(counts, a)
    assert difference == pytest.approx(np.full((99, 1), 0.01))
    assert paired_p_value(difference) == pytest.approx([0.01])


def test_sign_flips_by_hand() -> None:
    """Three differences of 1: only the flip that changes nothing (1 in 8) reaches the observed sum."""
    p = sign_flip_p_value([1.0, 1.0, 1.0, np.nan], np.random.default_rng(0), permutations=20000)
    assert p == pytest.approx(1 / 8, abs=5 * np.sqrt(7 / 64 / 20000))


def test_sign_flips_of_whole_groups() -> None:
    """The same three differences in one group have two outcomes: p about 1/2."""
    p = sign_flip_p_value([1.0] * 3, np.random.default_rng(0), permutations=20000, groups=[4, 4, 4])
    assert p == pytest.approx(1 / 2, abs=5 * np.sqrt(1 / 4 / 20000))


def test_sign_flips_of_a_loss_and_of_no_difference() -> None:
    rng = np.random.default_rng(0)
    assert sign_flip_p_value([-1.0] * 20, rng) == 1.0
    assert sign_flip_p_value([0.0] * 20, rng) == 1.0
    assert sign_flip_p_value([0.1] * 40, rng, permutations=999) == 0.001
