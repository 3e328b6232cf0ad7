"""Four prompts at the ends of a cross: X'X = 2 I, and the mean of X is 0."""

from math import sqrt

import numpy as np
import pytest
import torch

from anabranch.routers.estimators.linear import solve_ridge, with_constant
from tests.routers.estimators.batches import NAN

CROSS = torch.tensor([[1.0, 0.0], [0.0, 1.0], [-1.0, 0.0], [0.0, -1.0]])
TARGETS = torch.tensor([[3.0], [1.0], [1.0], [3.0]])


def test_the_solution_by_hand() -> None:
    """X'y = (3 - 1, 1 - 3), over 2 + l2 = 4; the constant is the mean, 2.

    Fitted 2.5, 1.5, 1.5, 2.5; residuals are all 0.5 in size, so sigma^2 = 4 * 0.25 / (4 - 1).
    """
    found = solve_ridge(CROSS, TARGETS, l2=2.0)
    assert found.weight[:, 0].tolist() == pytest.approx([0.5, -0.5, 2.0], abs=1e-5)
    assert found.sigma.tolist() == pytest.approx([sqrt(1 / 3)], abs=1e-5)


def test_the_factor_measures_a_prompt_by_the_inverse_gram_matrix() -> None:
    """A = diag(2 + 2, 2 + 2, 4): x = (1, 1, 1) has x' A^-1 x = 3/4."""
    found = solve_ridge(CROSS, TARGETS, l2=2.0)
    x = with_constant(torch.ones(1, 2)).double()
    assert torch.linalg.vector_norm(found.factor[0] @ x[0]).item() == pytest.approx(sqrt(0.75), abs=1e-5)


def test_each_arm_is_solved_on_its_known_rows() -> None:
    """Arms 0 and 2 are known everywhere and share a factor, arm 1 on 30 rows; against the formula in numpy."""
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(50, 3)), rng.normal(size=(50, 3))
    y[30:, 1] = np.nan
    found = solve_ridge(torch.from_numpy(x), torch.from_numpy(y), l2=0.7)
    assert found.group[0] == found.group[2] != found.group[1]
    assert found.factor.shape == (2, 4, 4)
    query = np.append(rng.normal(size=3), 1.0)
    for arm, rows in ((0, 50), (1, 30)):
        features = np.column_stack([x[:rows], np.ones(rows)])
        gram = features.T @ features + np.diag([0.7, 0.7, 0.7, 0.7e-6])
        weight = np.linalg.solve(gram, features.T @ y[:rows, arm])
        np.testing.assert_allclose(found.weight[:, arm], weight, rtol=1e-9)
        deviation = np.linalg.norm(found.factor[found.group[arm]].numpy() @ query)
        assert deviation == pytest.approx(sqrt(query @ np.linalg.solve(gram, query)))
        residual = y[:rows, arm] - features @ weight
        assert found.sigma[arm].item() == pytest.approx(sqrt(residual @ residual / (rows - 1)))


def test_an_arm_that_is_never_known_has_no_weights_and_harms_no_other() -> None:
    both = torch.cat([TARGETS, torch.full_like(TARGETS, NAN)], dim=1)
    found = solve_ridge(CROSS, both, l2=2.0)
    assert found.weight[:, 1].isnan().all()
    assert found.weight[:, 0].tolist() == pytest.approx([0.5, -0.5, 2.0], abs=1e-5)


def test_without_shrinkage_equal_prompts_are_solvable() -> None:
    """X'X is singular; the mean is still the mean."""
    found = solve_ridge(torch.ones(2, 3), torch.tensor([[1.0], [3.0]]), l2=0.0)
    assert (with_constant(torch.ones(1, 3)).double() @ found.weight).item() == pytest.approx(2.0, abs=1e-4)
