"""Calibration metrics."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from anabranch.training.metrics.calibration import (
    auroc,
    brier,
    calibration_slope,
    ece,
    log_loss,
    per_arm,
    reliability,
)

METRICS = [ece, brier, log_loss, auroc, calibration_slope]
pairs = st.lists(st.tuples(st.integers(0, 64).map(lambda k: k / 64), st.integers(0, 1)), min_size=1, max_size=40)


def test_equal_mass_bins() -> None:
    """Two bins of two: (.1, .2 | 0, 1) misses by .35; (.6, .8 | 1, 1) by .3. ECE (.35 + .3) / 2."""
    table = reliability([0.8, 0.1, 0.6, 0.2], [1, 0, 1, 1], bins=2)
    assert table.predicted == pytest.approx([0.15, 0.7])
    assert table.observed == pytest.approx([0.5, 1.0])
    assert ece([0.8, 0.1, 0.6, 0.2], [1, 0, 1, 1], bins=2) == pytest.approx(0.325)


def test_equal_width_bins_skip_the_empty() -> None:
    """Of [0, .25), ..., [.75, 1]: .1 and .2 in the first, 1.0 in the last, which is closed."""
    table = reliability([0.1, 0.2, 1.0], [0, 1, 1], bins=4, equal_mass=False)
    assert table.prompts.tolist() == [2, 1]
    assert ece([0.1, 0.2, 1.0], [0, 1, 1], bins=4, equal_mass=False) == pytest.approx(2 / 3 * 0.35)


def test_equal_predictions_share_a_bin() -> None:
    """A constant .3 with soft labels .5 and .3 is one bin: |.4 - .3|."""
    assert reliability([0.3, 0.3], [0.5, 0.3]).prompts.tolist() == [2]
    assert ece([0.3, 0.3], [0.5, 0.3]) == pytest.approx(0.1)


def test_a_perfect_prediction_is_calibrated() -> None:
    y = np.array([0.0, 1.0, 1.0, 0.0])
    assert ece(y, y) == 0.0 and brier(y, y) == 0.0 and auroc(y, y) == 1.0
    assert calibration_slope(y, y) == pytest.approx(1.0)


def test_log_loss_by_hand_and_bounded() -> None:
    """-(log .8 + log .5) / 2 = .4581; a certain error costs log 1e7 = 16.118, not infinity."""
    assert log_loss([0.8, 0.5], [1, 0]) == pytest.approx(-(np.log(0.8) + np.log(0.5)) / 2)
    assert log_loss([1.0], [0]) == pytest.approx(np.log(1e7), rel=1e-6)


def test_auroc_by_hand() -> None:
    """Good .9, .4, bad .4, .1: of four pairs three are right and one ties: 3.5 / 4. Soft labels split at .5."""
    assert auroc([0.9, 0.4, 0.4, 0.1], [0.5, 1.0, 0.49, 0.0]) == pytest.approx(0.875)


def test_auroc_of_one_class_is_nan_and_of_a_constant_is_half() -> None:
    assert np.isnan(auroc([0.1, 0.9], [1, 1]))
    assert auroc([0.3, 0.3, 0.3], [1, 0, 0]) == pytest.approx(0.5)


def test_slope_of_a_constant_is_nan() -> None:
    assert np.isnan(calibration_slope([0.1, 0.1, 0.1], [0, 1, 1]))


def test_arms_are_measured_apart_then_averaged() -> None:
    """Brier .25 with four prompts of arm 0, 0 with the one known prompt of arm 1: mean .125, not .2."""
    predicted = np.full((4, 2), 0.5)
    observed = np.array([[1, 0.5], [0, np.nan], [1, np.nan], [0, np.nan]])
    assert brier(predicted, observed) == pytest.approx(0.125)
    assert per_arm(brier, predicted, observed) == pytest.approx([0.25, 0.0])


def test_arms_without_a_value_are_left_out_of_the_mean() -> None:
    """Arm 1 has one class only, arm 2 nothing: the mean is arm 0's 1.0."""
    predicted = [[0.9, 0.5, 0.5], [0.1, 0.5, 0.5]]
    observed = [[1, 1, np.nan], [0, 1, np.nan]]
    assert auroc(predicted, observed) == 1.0
    np.testing.assert_array_equal(per_arm(auroc, np.array(predicted), np.array(observed)), [1.0, np.nan, np.nan])


@pytest.mark.parametrize("metric", METRICS)
def test_nothing_known_is_nan(metric: object) -> None:
    assert np.isnan(metric([np.nan, 0.5], [1.0, np.nan]))  # type: ignore[operator]


def test_shapes_must_agree() -> None:
    with pytest.raises(ValueError, match=r"predicted \(1, 2\) and observed \(2,\)"):
        brier([[0.1, 0.2]], [0.1, 0.2])


@given(pairs, st.integers(0, 99))
def test_order_of_prompts_is_irrelevant(data: list[tuple[float, int]], seed: int) -> None:
    p, y = (np.array(column, float) for column in zip(*data, strict=True))
    order = np.random.default_rng(seed).permutation(len(p))
    for metric in METRICS:
        np.testing.assert_allclose(metric(p[order], y[order]), metric(p, y), atol=1e-9)


@given(pairs)
def test_bounds(data: list[tuple[float, int]]) -> None:
    """Jensen: no binning shows more error than the prompts' own mean absolute error, or less than that of the mean."""
    p, y = (np.array(column, float) for column in zip(*data, strict=True))
    assert abs(p.mean() - y.mean()) - 1e-9 <= ece(p, y) <= np.abs(p - y).mean() + 1e-9
