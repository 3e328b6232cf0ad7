"""Temperature scaling."""

import pytest
import torch

from anabranch.routers.calibration.temperature import Temperature
from tests.routers.calibration.overconfident import FACTOR, four_times_too_sure


def test_the_factor_of_overconfidence_is_recovered() -> None:
    """See `four_times_too_sure`: T = 4, and its estimates become 3/4 and 1/4."""
    estimated, observed = four_times_too_sure()
    scaled = Temperature(1)
    scaled.fit(estimated, observed)
    assert 1 / float(scaled.slope) == pytest.approx(FACTOR, rel=1e-5)
    assert scaled(estimated)[[0, -1], 0].tolist() == pytest.approx([0.75, 0.25], abs=1e-6)


def test_the_best_arm_stays_the_best_even_if_outcomes_run_against_the_estimates() -> None:
    estimated, observed = four_times_too_sure()
    scaled = Temperature(2)
    scaled.fit(torch.cat([estimated, estimated], dim=1), torch.cat([1 - observed, 1 - observed], dim=1))
    mapped = scaled(torch.tensor([[0.2, 0.7]]))[0]
    assert mapped[0] < mapped[1]


def test_scores_have_no_temperature() -> None:
    with pytest.raises(ValueError, match=r"a temperature divides log odds, .* a score, .*: use platt or isotonic"):
        Temperature(2, "score")
