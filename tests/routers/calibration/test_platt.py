"""Platt scaling."""

import math

import pytest
import torch

from anabranch.routers.calibration.platt import Platt
from tests.routers.calibration.overconfident import FACTOR, LOGIT, four_times_too_sure


def test_the_factor_of_overconfidence_is_recovered() -> None:
    """See `four_times_too_sure`: slope 1/4, and nothing to shift."""
    estimated, observed = four_times_too_sure()
    scaled = Platt(1)
    scaled.fit(estimated, observed)
    assert 1 / float(scaled.slope) == pytest.approx(FACTOR, rel=1e-5)
    assert float(scaled.shift) == pytest.approx(0, abs=1e-6)


def test_scores_are_taken_as_they_are() -> None:
    """The same world told as scores 5 and 7: slope ln 3, zero at 6."""
    estimated, observed = four_times_too_sure()
    scaled = Platt(1, "score")
    scaled.fit(torch.where(estimated > 0.5, 7.0, 5.0), observed)
    assert float(scaled.slope) == pytest.approx(math.log(3), rel=1e-5)
    assert float(scaled.shift) == pytest.approx(-6 * math.log(3), rel=1e-5)


def test_each_arm_has_its_own_sigmoid() -> None:
    """The second arm is right where the first is wrong and is estimated as the first is: it gets its mean, 1/2."""
    estimated, observed = four_times_too_sure()
    scaled = Platt(2)
    scaled.fit(torch.cat([estimated, estimated], dim=1), torch.cat([observed, 1 - observed], dim=1))
    assert scaled.slope.tolist() == pytest.approx([1 / FACTOR, 0.0], abs=1e-6)
    assert scaled(torch.tensor([[0.9, 0.1]]))[0, 1].item() == pytest.approx(0.5, abs=1e-6)


def test_estimates_of_0_and_1_are_held_at_a_thousandth() -> None:
    """Unfitted it is the identity, but for log odds beyond ln 999."""
    mapped = Platt(3)(torch.tensor([[0.0, 1.0, 0.3]]))[0].tolist()
    assert mapped == pytest.approx([0.001, 0.999, 0.3], abs=1e-6)
    assert math.log(999) > LOGIT  # so the known world is not touched by it


def test_a_threshold_that_separates_everything_stays_finite() -> None:
    """50 right at 0.9, 50 wrong at 0.1: Platt's targets are 51/52 and 1/52, log odds of ln 51 at ln 9."""
    estimated = torch.tensor([0.9] * 50 + [0.1] * 50).unsqueeze(1)
    scaled = Platt(1)
    scaled.fit(estimated, (estimated > 0.5).float())
    assert float(scaled.slope) == pytest.approx(math.log(51) / math.log(9), rel=1e-4)
