import pytest
import torch

from anabranch.routers.estimators.svm import SVM
from tests.routers.estimators.batches import NAN, batch_of, fitted


def test_a_large_c_interpolates() -> None:
    """0.25 at -1 and 0.75 at 1 lie on 0.5 + 0.25 x; usage, ten times that, is shrunk by next to nothing."""
    table = batch_of([[-1.0], [1.0]], [[0.25], [0.75]], usage=[[2.5], [7.5]])
    found = fitted(SVM(1, 1, l2=1e-4), table)(torch.tensor([[0.0], [1.0], [3.0]]))
    assert found.quality.flatten().tolist() == pytest.approx([0.5, 0.75, 1.25], abs=1e-3)
    assert found.usage.flatten().tolist() == pytest.approx([5.0, 7.5, 12.5], abs=1e-2)
    assert found.spread.flatten().tolist() == [0.0, 0.0, 0.0]


def test_errors_within_the_margin_cost_nothing() -> None:
    """At a margin of 0.25 the smallest w^2 + b^2 with b - w in [0, 0.5] and b + w in [0.5, 1] is w = b = 0.25."""
    table = batch_of([[-1.0], [1.0]], [[0.25], [0.75]])
    weight = fitted(SVM(1, 1, l2=1e-4, margin=0.25), table).weight
    assert weight.flatten().tolist() == pytest.approx([0.25, 0.25], abs=1e-3)


def test_right_or_wrong_is_fitted_by_the_more_likely_of_the_two() -> None:
    """At the zero embedding there is only b: b^2 / 2 + 3 |1 - b| + |b| falls until b = 1, beyond the mean of 3/4."""
    table = batch_of([[0.0]] * 4, [[1.0], [1.0], [1.0], [0.0]])
    assert fitted(SVM(1, 1, l2=1.0), table)(torch.zeros(1, 1)).quality.item() == pytest.approx(1.0, abs=1e-3)


def test_each_arm_is_fitted_on_its_known_prompts() -> None:
    """Arm 1 is known on the first 20 prompts: as if there were no others; arm 0 is as if there were no arm 1."""
    draws = torch.Generator().manual_seed(0)
    embedding, quality = torch.randn(30, 3, generator=draws), torch.rand(30, 2, generator=draws)
    partly = quality.clone()
    partly[20:, 1] = NAN
    weight = fitted(SVM(3, 2), batch_of(embedding, partly)).weight
    first = fitted(SVM(3, 2), batch_of(embedding[:20], quality[:20])).weight
    whole = fitted(SVM(3, 2), batch_of(embedding, quality)).weight
    torch.testing.assert_close(weight, torch.stack([whole[:, 0], first[:, 1]], dim=1))
    assert not torch.allclose(first[:, 1], whole[:, 1], atol=1e-3)
