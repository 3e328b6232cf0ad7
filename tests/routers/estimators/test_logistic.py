import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression

from anabranch.routers.estimators.logistic import Logistic, fit_logistic
from tests.routers.estimators.batches import batch_of, fitted

RNG = np.random.default_rng(0)
X = RNG.normal(size=(80, 3))
SOFT = 1 / (1 + np.exp(-X @ RNG.normal(size=(3, 2))))
HARD = (RNG.random(SOFT.shape) < SOFT).astype(np.float64)


def reference(x: np.ndarray, y: np.ndarray, weight: np.ndarray, l2: float) -> np.ndarray:
    fit = LogisticRegression(C=1 / l2, tol=1e-10, max_iter=10_000).fit(x, y, weight)
    return np.append(fit.coef_[0], fit.intercept_)


@pytest.mark.parametrize("l2", [0.1, 1.0, 30.0])
def test_hard_labels_agree_with_scikit_learn(l2: float) -> None:
    """Its C is 1 / l2, and it does not shrink the constant either."""
    found = fit_logistic(torch.from_numpy(X), torch.from_numpy(HARD), l2)
    for arm in range(2):
        np.testing.assert_allclose(found[:, arm], reference(X, HARD[:, arm], np.ones(80), l2), atol=1e-3)


def test_a_soft_label_is_a_weighted_pair_of_hard_ones() -> None:
    found = fit_logistic(torch.from_numpy(X), torch.from_numpy(SOFT), 1.0)
    for arm in range(2):
        twice, labels = np.concatenate([X, X]), np.repeat([1.0, 0.0], 80)
        weight = np.concatenate([SOFT[:, arm], 1 - SOFT[:, arm]])
        np.testing.assert_allclose(found[:, arm], reference(twice, labels, weight, 1.0), atol=1e-3)


def test_unknown_cells_are_left_out_of_their_arm() -> None:
    partly = HARD.copy()
    partly[50:, 0] = np.nan
    found = fit_logistic(torch.from_numpy(X), torch.from_numpy(partly), 1.0)
    np.testing.assert_allclose(found[:, 0], reference(X[:50], HARD[:50, 0], np.ones(50), 1.0), atol=1e-3)
    np.testing.assert_allclose(found[:, 1], reference(X, HARD[:, 1], np.ones(80), 1.0), atol=1e-3)


def test_no_signal_gives_the_mean() -> None:
    """Four equal prompts, one right: sigmoid(constant) = 1/4. Usage is the mean, and never below 0."""
    table = batch_of([[0.0]] * 4, [[1.0], [0.0], [0.0], [0.0]], usage=[[2.0], [4.0], [4.0], [6.0]])
    found = fitted(Logistic(1, 1), table)(torch.zeros(1, 1))
    assert found.quality.item() == pytest.approx(0.25, abs=1e-5)
    assert found.usage.item() == pytest.approx(4.0, abs=1e-4)
    assert found.spread.item() == 0.0
