from math import log

import pytest
import torch

from anabranch.routers.estimators.embedllm import EmbedLLM
from tests.routers.estimators.batches import NAN, batch_of, fitted


def test_quality_is_the_published_softmax_over_two_logits() -> None:
    """softmax(C (p * (W e + b)) + c)[1], computed as published, with the rows of C and c as w = C1 - C0, c1 - c0."""
    draws = torch.Generator().manual_seed(0)
    estimator = EmbedLLM(3, 2, factors=5)
    classifier, constant = torch.randn(2, 5, generator=draws), torch.randn(2, generator=draws)
    with torch.no_grad():
        estimator.logits.mix.weight.copy_((classifier[1] - classifier[0])[None])
        estimator.logits.mix.bias.copy_((constant[1] - constant[0])[None])
    estimator = fitted(estimator, batch_of([[1.0, 0.0, 0.0]], [[0.5, 0.5]], usage=[[3.0, NAN]]))
    embedding = torch.randn(4, 3, generator=draws)
    project = estimator.logits.project(embedding)  # (B, F)
    for arm in range(2):
        logits = (estimator.logits.arm[arm] * project) @ classifier.T + constant  # (B, 2)
        expected = logits.softmax(dim=1)[:, 1]
        torch.testing.assert_close(estimator(embedding).quality[:, arm], expected)
    assert estimator(torch.tensor([[1.0, 0.0, 0.0]])).usage[0, 0].item() == pytest.approx(3.0)


def flat(chance: float, noise: float = 0.0) -> EmbedLLM:
    """Every arm's log odds are those of the chance, whatever the prompt."""
    estimator = EmbedLLM(1, 2, factors=3, noise=noise)
    torch.nn.init.zeros_(estimator.logits.mix.weight)
    torch.nn.init.constant_(estimator.logits.mix.bias, log(chance / (1 - chance)))
    return estimator


def test_the_loss_is_cross_entropy_over_known_cells() -> None:
    """At a chance of 3/4: -log(3/4) for a right answer, -log(1/4) for a wrong one, their mean for half."""
    right, wrong = -log(0.75), -log(0.25)
    table = batch_of([[1.0], [2.0]], [[1.0, 0.0], [0.5, NAN]])
    expected = (right + wrong + (right + wrong) / 2) / 3
    assert flat(0.75).loss(table).item() == pytest.approx(expected, abs=1e-6)


def test_noise_is_part_of_the_loss_in_training_alone() -> None:
    table = batch_of([[1.0]], [[1.0, 0.0]])
    estimator = EmbedLLM(1, 2, noise=0.5)
    assert estimator.train().loss(table).item() != estimator.loss(table).item()
    assert estimator.eval().loss(table).item() == estimator.loss(table).item()
