"""Terms are exp((cos - 1) / reach): 1 at a prompt itself, r = exp(-1 / 0.6) = 0.188876 at one orthogonal to it."""

import numpy as np
import onnxruntime
import pytest
import torch

from anabranch.export.graph import LINK, export_head
from anabranch.routers.estimators.kernel_ridge import KernelRidge
from tests.routers.estimators.batches import NAN, batch_of, fitted

AXES = [[1.0, 0.0], [0.0, 1.0]]


def noisy(prompts: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Embeddings [N, 4], and qualities [N, 2] that follow the first coordinate but for noise."""
    generator = torch.Generator().manual_seed(0)
    embedding = torch.randn(prompts, 4, generator=generator)
    chance = torch.stack([embedding[:, 0].sigmoid(), (-embedding[:, 0]).sigmoid()], dim=1)
    return embedding, (torch.rand(prompts, 2, generator=generator) < chance).float()


def test_one_prompt_is_its_own_average() -> None:
    """The prior is its outcome, from which nothing departs."""
    found = fitted(KernelRidge(2, 1), batch_of([[1.0, 0.0]], [[0.8]], usage=[[3.0]]))(torch.tensor([*AXES, [0.0, 0.0]]))
    assert found.quality.flatten().tolist() == pytest.approx([0.8] * 3)
    assert found.usage.flatten().tolist() == pytest.approx([3.0] * 3)


def test_two_orthogonal_prompts_by_hand() -> None:
    """Departures 0.5 and -0.5 are an eigenvector of value 1 - r: weights +-0.5 / (1 - r + 1) = +-0.276072.

    At the first prompt 0.5 + 0.276072 (1 - r) = 0.723928, halfway 0.5, opposite the first, where the terms are
    exp(-2 / 0.6) = 0.035674 and r, 0.5 + 0.276072 (0.035674 - 0.188876) = 0.457705. Usage departs twice as far, down.
    """
    estimator = fitted(KernelRidge(2, 1, reach=0.6, l2=1.0), batch_of(AXES, [[1.0], [0.0]], usage=[[2.0], [4.0]]))
    found = estimator(torch.tensor([[1.0, 0.0], [0.5, 0.5], [-1.0, 0.0]]))
    assert found.quality.flatten().tolist() == pytest.approx([0.723928, 0.5, 0.457705], abs=1e-5)
    assert found.usage.flatten().tolist() == pytest.approx([2.552144, 3.0, 3.084590], abs=1e-5)
    assert found.spread.flatten().tolist() == [0.0, 0.0, 0.0]


def test_length_does_not_matter() -> None:
    estimator = fitted(KernelRidge(2, 1, l2=1.0), batch_of(AXES, [[1.0], [0.0]]))
    torch.testing.assert_close(estimator(torch.tensor([[7.0, 0.0]])).quality, estimator(torch.tensor(AXES[:1])).quality)


def test_an_arm_learns_from_the_prompts_it_is_known_on() -> None:
    """Arm 1 knows the first prompt alone: its average there, everywhere; arm 0 is as in the example above."""
    found = fitted(KernelRidge(2, 2, l2=1.0), batch_of(AXES, [[1.0, 0.3], [0.0, NAN]]))(torch.tensor(AXES))
    assert found.quality.flatten().tolist() == pytest.approx([0.723928, 0.3, 0.276072, 0.3], abs=1e-5)


def test_far_from_training_the_averages_answer() -> None:
    """Opposite all prompts of a narrow kernel no term is above exp(-1 / 0.05)."""
    quality = [[1.0, 0.0], [1.0, 1.0], [0.0, 0.0]]
    estimator = fitted(KernelRidge(2, 2, reach=0.05, l2=0.1), batch_of([[1.0, 0.0], [0.8, 0.6], [0.6, 0.8]], quality))
    assert estimator(torch.tensor([[-1.0, 0.0]])).quality[0].tolist() == pytest.approx([2 / 3, 1 / 3], abs=1e-6)
    assert abs(estimator(torch.tensor([[1.0, 0.0]])).quality[0, 1].item() - 1 / 3) > 0.2


def test_the_prior_may_be_the_average_of_the_task() -> None:
    """So strong a shrinkage leaves the prior alone; a task's row is (50 * 1 + 5 * 0.5) / 55 = 0.9545, or 0.0455.

    At (1, 1), which may be either, it is their mean; the prior of the averages is 0.5 everywhere.
    """
    table = batch_of(AXES * 50, [[1.0], [0.0]] * 50, task=[0, 1] * 50)
    queries = torch.tensor([*AXES, [1.0, 1.0]])
    tasks = fitted(KernelRidge(2, 1, prior="tasks", l2=1e9), table)(queries).quality.flatten().tolist()
    assert 0.85 < tasks[0] < 0.9546 and 0.0454 < tasks[1] < 0.15
    assert tasks[2] == pytest.approx(0.5, abs=1e-3)
    assert fitted(KernelRidge(2, 1, l2=1e9), table)(queries).quality.flatten().tolist() == pytest.approx([0.5] * 3)


def test_landmarks_come_near_the_whole_sum() -> None:
    """80 landmarks of 200 prompts in 4 dimensions; the averages alone would be 0.15 off, give or take."""
    embedding, quality = noisy(200)
    exact = fitted(KernelRidge(4, 2), batch_of(embedding, quality))(embedding).quality
    few = fitted(KernelRidge(4, 2, landmarks=80), batch_of(embedding, quality))
    off = (few(embedding).quality - exact).abs()
    assert few.index.shape == (80, 4)
    assert off.mean() < 0.02 and off.max() < 0.1
    assert (quality.mean(dim=0) - exact).abs().mean() > 0.1


def test_landmarks_are_fitted_to_all_prompts() -> None:
    """Labels of the prompts that are no landmark count: turning them round turns the estimates."""
    embedding, quality = noisy(200)
    before = fitted(KernelRidge(4, 2, landmarks=20), batch_of(embedding, quality))
    others = ~(embedding.unsqueeze(1) @ before.index.T.unsqueeze(0)).squeeze(1).amax(dim=1).isclose(
        embedding.norm(dim=1)
    )
    assert int(others.sum()) == 180
    turned = torch.where(others.unsqueeze(1), 1 - quality, quality)
    after = fitted(KernelRidge(4, 2, landmarks=20), batch_of(embedding, turned))
    assert after.index.equal(before.index)
    agreement = torch.corrcoef(torch.stack([one(embedding).quality[:, 0] for one in (before, after)]))[0, 1]
    assert agreement < -0.5


def test_landmarks_keep_parity_with_the_graph_and_between_batches() -> None:
    embedding, quality = noisy(150)
    estimator = fitted(KernelRidge(4, 2, landmarks=40, reach=0.3, l2=0.01), batch_of(embedding, quality))
    expected = estimator(embedding[:7]).quality
    alone = torch.cat([estimator(row[None]).quality for row in embedding[:7]])
    torch.testing.assert_close(alone, expected, atol=1e-5, rtol=0)
    session = onnxruntime.InferenceSession(export_head(estimator).SerializeToString())
    np.testing.assert_allclose(session.run(None, {LINK: embedding[:7].numpy()})[0], expected.numpy(), atol=1e-4)
