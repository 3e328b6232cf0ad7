"""What int8 changes, on routers made of plain functions."""

import numpy as np
import pytest

from anabranch.data.outcomes import Outcomes
from anabranch.export.drift import decision_drift, estimate_drift
from anabranch.export.parity import ParityError
from anabranch.routers.costing import Costing
from anabranch.routers.estimates import Estimates
from anabranch.routers.policies.argmax_utility import ArgmaxUtility
from anabranch.routers.router import Router

TEXTS = ("p", "q", "r", "s")
OUTCOMES = Outcomes.from_arrays(
    ["cheap", "dear"],
    [[1.0, 1.0], [0.0, 1.0], [0.0, 1.0], [0.5, np.nan]],
    cost_usd=[[1.0, 4.0]] * 4,
    texts=TEXTS,
)


def router(quality: list[list[float]]) -> Router:
    """A router that estimates `quality` for the texts, whatever they say, and takes the best arm."""

    def estimate(texts: object, tradeoff: object) -> Estimates[np.ndarray]:
        return Estimates(np.array(quality), np.ones((4, 2)), np.zeros((4, 2)))

    return Router("r", ("cheap", "dear"), estimate, Costing("cost_usd"), ArgmaxUtility(), 1.0, "calibrated")


FP32 = router([[0.5, 0.6]] * 4)  # always dear
INT8 = router([[0.5, 0.6], [0.5, 0.6], [0.8, 0.6], [0.8, 0.6]])  # dear, dear, cheap, cheap


def test_estimates_move_by_what_their_cells_move() -> None:
    """Two of eight cells move, by 0.3: mean 0.6 / 8."""
    drift = estimate_drift(FP32, INT8, TEXTS)
    assert drift.prompts == 4
    assert (drift.max_quality_change, drift.mean_quality_change) == pytest.approx((0.3, 0.075))


def test_decisions_are_judged_by_what_they_achieved() -> None:
    """Half of the choices are equal. Quality is known on both choices for the first three prompts only: dear earns
    1, 1, 1, int8 earns 1, 1, 0. Costs are known for all four: 4 each, against 4, 4, 1, 1."""
    drift = decision_drift(FP32, INT8, OUTCOMES, max_loss=0.34)
    assert (drift.prompts, drift.equal_decisions) == (3, 0.5)
    assert (drift.quality_fp32, drift.quality_int8, drift.loss) == pytest.approx((1.0, 2 / 3, 1 / 3))
    assert (drift.cost_usd_fp32, drift.cost_usd_int8) == (4.0, 2.5)


def test_too_much_loss_is_refused() -> None:
    with pytest.raises(
        ParityError, match=r"int8 loses 0\.3333 mean quality on 3 .* \(1\.0000 to 0\.6667\); at most 0\.3"
    ):
        decision_drift(FP32, INT8, OUTCOMES, max_loss=0.3)


def test_a_gain_is_no_loss() -> None:
    assert decision_drift(INT8, FP32, OUTCOMES, max_loss=0.0).loss == pytest.approx(-1 / 3)


def test_unknown_costs_stay_unknown() -> None:
    free = Outcomes.from_arrays(["cheap", "dear"], [[1.0, 1.0]] * 4, texts=TEXTS)
    drift = decision_drift(FP32, INT8, free, max_loss=0.0)
    assert drift.cost_usd_fp32 is None and drift.cost_usd_int8 is None


def test_no_known_quality_cannot_be_judged() -> None:
    """Only "cheap" was ever labelled, and fp32 never chooses it."""
    blind = Outcomes.from_arrays(["cheap", "dear"], [[1.0, np.nan]] * 4, texts=TEXTS)
    with pytest.raises(ParityError, match="no validation prompt has known quality"):
        decision_drift(FP32, INT8, blind, max_loss=1.0)
