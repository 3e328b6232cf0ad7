from math import log

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from scipy.optimize import minimize
from sklearn.linear_model import LogisticRegression

from anabranch.routers.estimators.bradley_terry import bradley_terry

Floats = NDArray[np.float64]


def by_brute_force(wins: Floats) -> Floats:
    """Centred strengths that maximise sum_ab wins[a, b] log sigmoid(s_a - s_b)."""

    def loss(strength: Floats) -> float:
        return float((wins * np.logaddexp(0, strength[None, :] - strength[:, None])).sum())

    found = minimize(loss, np.zeros(len(wins)), method="BFGS", options={"gtol": 1e-9}).x
    return np.asarray(found - found.mean())


def random_wins(seed: int, power: float) -> Floats:
    """Between all pairs of five arms: about even if the power is low, very uneven if it is high."""
    wins = np.random.default_rng(seed).uniform(0.01, 1, size=(5, 5)) ** power
    np.fill_diagonal(wins, 0)
    return wins


@pytest.mark.parametrize(("power", "off"), [(0.3, 1e-4), (3.0, 5e-3)], ids=["even", "uneven"])
@pytest.mark.parametrize("seed", range(3))
def test_strengths_maximise_the_likelihood(seed: int, power: float, off: float) -> None:
    wins = random_wins(seed, power)
    found = bradley_terry(torch.from_numpy(wins)[None], steps=50, prior=0.0)
    np.testing.assert_allclose(found[0], by_brute_force(wins), atol=off)


@pytest.mark.parametrize("seed", range(3))
def test_every_step_raises_the_likelihood(seed: int) -> None:
    """So that too few steps shrink the strengths and do no other harm."""
    wins = random_wins(seed, power=3.0)
    losses = []
    for steps in (1, 2, 5, 20, 100):
        strength = bradley_terry(torch.from_numpy(wins)[None], steps, prior=0.0)[0].numpy()
        losses.append(float((wins * np.logaddexp(0, strength[None, :] - strength[:, None])).sum()))
    assert losses == sorted(losses, reverse=True) and losses[-1] < losses[0]


def test_fifty_steps_are_the_weighted_logistic_regression() -> None:
    """RouteLLM's: a row +ln 10, -ln 10 a vote, each vote twice, a tie once for each side; ratings are 400 a unit.

    Ratings spread over some hundred points; they agree to 0.01, which is 6e-5 in strength.
    """
    rng = np.random.default_rng(1)
    arm_a = rng.integers(0, 5, 60)
    arm_b = (arm_a + rng.integers(1, 5, 60)) % 5
    share_b = rng.choice([0.0, 0.5, 1.0], 60, p=[0.6, 0.2, 0.2])
    weight = rng.uniform(1, 100, 60)
    rows = np.zeros((60, 5))
    rows[np.arange(60), arm_a], rows[np.arange(60), arm_b] = log(10), -log(10)
    labels = np.concatenate([share_b < 1, share_b == 0])  # of the two copies, a tie wins one for each side
    fit = LogisticRegression(C=np.inf, fit_intercept=False, tol=1e-12, max_iter=10_000)
    fit.fit(np.concatenate([rows, rows]), labels, np.concatenate([weight, weight]))
    rating = 400 * (fit.coef_[0] - fit.coef_[0].mean())

    wins = np.zeros((5, 5))
    np.add.at(wins, (arm_a, arm_b), weight * (1 - share_b))
    np.add.at(wins, (arm_b, arm_a), weight * share_b)
    strength = bradley_terry(torch.from_numpy(wins)[None], steps=50, prior=0.0)[0].numpy()
    assert np.ptp(rating) > 100
    np.testing.assert_allclose(400 / log(10) * strength, rating, atol=0.01)


def test_a_prior_is_ties_as_a_share_of_the_mean_weight() -> None:
    """3 to 1 is a mean of 1 a cell; with one tie's worth added, (3 + 1) to (1 + 1)."""
    found = bradley_terry(torch.tensor([[[0.0, 3.0], [1.0, 0.0]]]), steps=50, prior=1.0)[0]
    assert (found[0] - found[1]).item() == pytest.approx(log(2))


def test_only_ratios_of_weights_matter() -> None:
    wins = torch.tensor([[[0.0, 3.0, 1.0], [1.0, 0.0, 2.0], [4.0, 1.0, 0.0]]])
    one = bradley_terry(wins, steps=50, prior=1e-3)
    torch.testing.assert_close(bradley_terry(1e6 * wins, steps=50, prior=1e-3), one)


def test_an_arm_that_never_lost_has_a_finite_strength() -> None:
    wins = torch.tensor([[[0.0, 5.0, 5.0], [0.0, 0.0, 1.0], [0.0, 1.0, 0.0]]])
    found = bradley_terry(wins, steps=50, prior=1e-3)[0]
    assert found.isfinite().all() and found.argmax() == 0
    assert found.sum().item() == pytest.approx(0.0, abs=1e-5)


def test_no_votes_at_all_are_a_tie() -> None:
    assert bradley_terry(torch.zeros(1, 3, 3), steps=50, prior=1e-3).tolist() == [[0.0, 0.0, 0.0]]
