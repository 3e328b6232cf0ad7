"""An estimator in its calibration."""

import pytest
import torch
from torch import Tensor

from anabranch.routers.calibration.platt import Platt
from anabranch.routers.estimates import Estimates
from anabranch.routers.estimators.calibrated import Calibrated, uncalibrated
from anabranch.routers.estimators.estimator import Batch, ClosedForm
from anabranch.routers.estimators.knn import KNN
from tests.routers.estimators.batches import batch_of, fitted


class Said(ClosedForm):
    """What an embedding says: quality, usage and spread of its two arms."""

    quality_kind = "score"
    holds_prompts = True
    policy = "ucb"

    def observe(self, batch: Batch) -> None:
        """Learn nothing."""

    def finalise(self) -> None:
        """Learn nothing."""

    def forward(self, embedding: Tensor, tradeoff: Tensor | None = None) -> Estimates[Tensor]:
        """Six numbers a row."""
        return Estimates(embedding[:, :2], embedding[:, 2:4], embedding[:, 4:])


def calibrated() -> Calibrated:
    """Two arms; quality becomes the sigmoid of twice a score, less one for the second arm."""
    scaled = Platt(2, "score")
    scaled.slope, scaled.shift = torch.tensor([2.0, 2.0]), torch.tensor([0.0, -1.0])
    return Calibrated(Said(6, 2), scaled)


def test_quality_is_mapped_and_usage_passes() -> None:
    """sigmoid(2) and sigmoid(1)."""
    quality, usage, _ = calibrated()(torch.tensor([[1.0, 1.0, 7.0, 9.0, 0.0, 0.0]]))
    assert quality[0].tolist() == pytest.approx([0.880797, 0.731059], abs=1e-6)
    assert usage.tolist() == [[7.0, 9.0]]


def test_spread_is_in_the_units_of_the_mapped_quality() -> None:
    """Score 0 give or take 0.1: (sigmoid(0.2) - sigmoid(-0.2)) / 2 = 0.049834; an unknown spread stays 0."""
    spread = calibrated()(torch.tensor([[0.0, 0.0, 1.0, 1.0, 0.1, 0.0]])).spread
    assert spread[0].tolist() == pytest.approx([0.049834, 0.0], abs=1e-6)


def test_it_is_what_its_estimator_is_but_for_the_kind_of_quality() -> None:
    made = calibrated()
    assert (made.quality_kind, made.holds_prompts, made.policy, made.width, made.arms) == (
        "calibrated",
        True,
        "ucb",
        6,
        2,
    )
    assert (made.reads_tradeoff, made.trains_encoder, made.learns_from) == (False, False, "outcomes")
    assert Estimates(*made(torch.ones(1, 6))).quality.shape == (1, 2)
    assert KNN(4, 2).policy == "argmax-utility"  # nothing was changed for others


def test_observing_teaches_the_estimator() -> None:
    table = batch_of([[1.0, 0.0], [0.0, 1.0]], [[1.0, 0.0], [0.0, 1.0]])
    made = fitted(Calibrated(KNN(2, 2, k=1), Platt(2)), table)
    inner = uncalibrated(made)
    assert isinstance(inner, KNN) and inner.index.shape == (2, 2)
    assert uncalibrated(inner) is inner
