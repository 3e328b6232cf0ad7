"""RouterXBench's bands."""

import numpy as np
import pytest

from anabranch.training.metrics.bands import bands


def test_straight_line() -> None:
    """Quality = call rate. LPM: mean of 0, .01, ..., .1 = .05. HCR: 1 - mean of .7, ..., .9 = .2.

    MPM: mean of .11, ..., .69 = .4.
    """
    assert bands([0, 1], [0, 1]) == pytest.approx((0.05, 0.4, 0.2))


def test_scale_of_quality() -> None:
    """From .5 to .9 quality is .5 + .4 rate: LPM .52, MPM .66, and the same call rates."""
    assert bands([0, 1], [0.5, 0.9]) == pytest.approx((0.52, 0.66, 0.2))


def test_a_curve_that_jumps_over_the_bands() -> None:
    """Quality 1 from rate .005 on: at rates .01 to .1 it is 1, nothing lies in either band."""
    assert bands([0, 0.005, 1], [0, 1, 1]) == pytest.approx((10 / 11, 0.0, 0.0))


def test_no_gap() -> None:
    assert np.isnan(bands([0, 0.5, 1], [0.5, 0.7, 0.5])).all()
