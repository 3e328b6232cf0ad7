import numpy as np
import pytest
from scipy.stats import binom, norm

from anabranch.training.risk import TAUS, Bools, Floats, acceptable, lost, tau_crc, tau_ltt, upper_bound

NAN = np.nan
ALPHA, DELTA, PROMPTS, DRAWS = 0.1, 0.1, 200, 200


def test_the_best_answer_and_those_within_the_slack_are_acceptable() -> None:
    """Best 0.9: 0.8 is within 0.1. Best 0.4 solves nothing. An unknown cell is not acceptable, nor is it the best."""
    quality = np.array([[0.9, 0.8, 0.7], [0.4, 0.4, 0.3], [NAN, 0.6, 0.5], [NAN, NAN, NAN]], np.float32)
    assert acceptable(quality, slack=0.1).tolist() == [
        [True, True, False],
        [False, False, False],
        [False, True, True],
        [False, False, False],
    ]
    assert acceptable(quality).tolist() == [[True, False, False], [False] * 3, [False, True, False], [False] * 3]
    assert acceptable(quality, least=0.3)[1].tolist() == [True, True, False]


def test_a_prompt_is_lost_above_its_best_acceptable_arm_unless_the_most_confident_is_acceptable() -> None:
    """Arm 0 is always the most confident: acceptable in the first row; acceptable arms at 0.4 and 0.6 in the second,
    none in the third. At exactly 0.6 the arm is in the set.
    """
    estimate = np.tile([0.9, 0.4, 0.6], (3, 1))
    good = np.array([[True, False, False], [False, True, True], [False, False, False]])
    taus = np.array([0.0, 0.4, 0.6, 0.61, 1.0])
    losses = lost(estimate, good, [0, 0, 0], taus, unsolvable="lost")
    assert losses.tolist() == [[False] * 5, [False, False, False, True, True], [True] * 5]
    assert lost(estimate, good, [0, 0, 0], taus, unsolvable="excluded").tolist() == losses[:2].tolist()


def test_losses_are_those_of_the_policys_sets() -> None:
    """The shortcut by one number a prompt against the sets themselves."""
    from anabranch.routers.policies.policy import Situation
    from anabranch.routers.policies.risk_controlled import RiskControlled
    from tests.routers.policies.arrays import estimates_of

    rng = np.random.default_rng(0)
    estimate, good = rng.integers(0, 11, (300, 4)) / 10, rng.random((300, 4)) < 0.3
    on = Situation(estimates_of(estimate.tolist()), rng.random((300, 4)), np.ones(300))
    taus = np.array([0.0, 0.3, 0.5, 0.95])
    sets = [RiskControlled(float(tau)).decide(on) for tau in taus]
    expected = np.stack([~(one.members & good).any(axis=1) for one in sets], axis=1)
    assert (lost(estimate, good, sets[0].arm, taus, unsolvable="lost") == expected).all()


def steps(*lost_prompts: int, prompts: int) -> Bools:
    """Losses [n, T] of which `lost_prompts` [T] are lost at each threshold."""
    return np.arange(prompts)[:, None] < np.array(lost_prompts)[None, :]


def test_crc_counts_one_more_lost_prompt() -> None:
    """(k + 1) / 20 of 19 prompts: 1, 2, 3 and 4 of 20 against 0.1 and 0.15, and against 0.04, which is below 1 / 20."""
    losses, taus = steps(0, 1, 2, 3, prompts=19), np.array([0.0, 0.2, 0.4, 0.6])
    assert (tau_crc(losses, 0.1, taus).tau, tau_crc(losses, 0.15, taus).tau) == (0.2, 0.4)
    found = tau_crc(losses, 0.04, taus)
    assert (found.tau, found.holds, found.risk, found.prompts) == (0.0, False, 0.0, 19)


def test_ltt_bounds_the_risk_from_above() -> None:
    """Nothing lost of 29: 1 - 0.05^(1/29) = 0.0981; of 28 it is 0.1015, more than 0.1."""
    assert upper_bound([0], 29, 0.05).item() == pytest.approx(1 - 0.05 ** (1 / 29))
    assert tau_ltt(steps(0, 1, prompts=29), 0.1, 0.05, np.array([0.0, 0.5])).holds
    assert not tau_ltt(steps(0, 1, prompts=28), 0.1, 0.05, np.array([0.0, 0.5])).holds


def test_a_risk_that_no_threshold_keeps_calls_every_arm_and_says_so() -> None:
    """Three of ten prompts are unsolvable and counted: no set brings the risk below 0.3."""
    losses = steps(3, 3, 5, prompts=10)
    for found in (tau_crc(losses, 0.3, TAUS[:3]), tau_ltt(losses, 0.3, 0.05, TAUS[:3])):
        assert (found.tau, found.holds, found.risk) == (0.0, False, 0.3)


def population() -> Bools:
    """Losses [n, T] of 20 000 solvable prompts; their estimates are too sure of themselves.

    Three arms are right with a chance p, and the estimate is p pushed away from 0.5 with some noise.
    """
    rng = np.random.default_rng(0)
    chance = rng.beta(2, 2, (25_000, 3))
    estimate = np.clip(0.5 + 1.4 * (chance - 0.5) + rng.normal(0, 0.1, chance.shape), 0, 1)
    good = rng.random(chance.shape) < chance
    return lost(estimate, good, estimate.argmax(axis=1), unsolvable="excluded")[:20_000]


def true_risks(losses: Bools, choose: str) -> tuple[Floats, Floats]:
    """The population's risk at the threshold that each of 200 samples of 200 prompts chose, and at every threshold."""
    rng, truth = np.random.default_rng(1), losses.mean(axis=0)
    samples = (losses[rng.integers(0, len(losses), PROMPTS)] for _ in range(DRAWS))
    if choose == "crc":
        taus = [tau_crc(sample, ALPHA).tau for sample in samples]
    elif choose == "ltt":
        taus = [tau_ltt(sample, ALPHA, DELTA).tau for sample in samples]
    else:
        taus = [float(TAUS[sample.mean(axis=0) <= ALPHA][-1]) for sample in samples]
    return np.array([truth[np.searchsorted(TAUS, tau)] for tau in taus]), truth


def test_the_mean_risk_of_crc_is_alpha_and_not_more() -> None:
    """Of n reaches (where prompts get lost) tau is the k-th smallest, k = alpha (n + 1) rounded down, but for the grid.

    The risk there is Beta(k, n + 1 - k): its mean is k / (n + 1) = 20 / 201, its variance at most
    alpha (1 - alpha) / (n + 2). The mean of 200 draws exceeds its own mean by more than
    2.33 sqrt(0.09 / 202 / 200) = 0.0035 once in a hundred such tests. It falls short of it by no more than that and
    by what the risk rises from one threshold of the grid to the next.
    """
    losses = population()
    risks, truth = true_risks(losses, "crc")
    allowance = norm.ppf(0.99) * np.sqrt(ALPHA * (1 - ALPHA) / (PROMPTS + 2) / DRAWS)
    assert truth[0] == 0.0 and truth[-1] > 2 * ALPHA
    assert 20 / 201 - allowance - np.diff(truth).max() <= risks.mean() <= ALPHA + allowance


def test_ltt_breaks_its_promise_in_at_most_delta_of_the_calibrations() -> None:
    """At most 30 of 200 at delta = 0.1: the 99 % point of Binomial(200, 0.1).

    Taking the largest threshold whose observed risk is at most alpha breaks it in far more, so the test can fail.
    """
    losses = population()
    allowed = binom.ppf(0.99, DRAWS, DELTA)
    risks, _ = true_risks(losses, "ltt")
    assert allowed == 30 and (risks > ALPHA).sum() <= allowed
    assert risks.mean() > ALPHA / 2
    assert (true_risks(losses, "observed")[0] > ALPHA).sum() > 2 * allowed


@pytest.mark.parametrize("alpha", [0.0, 1.0, -0.1])
def test_a_share_outside_0_and_1_is_refused(alpha: float) -> None:
    for choose in (tau_crc, tau_ltt):
        with pytest.raises(ValueError, match="the share of prompts that may be lost must lie between 0 and 1"):
            choose(steps(0, 1, prompts=9), alpha)
    with pytest.raises(ValueError, match="delta is"):
        tau_ltt(steps(0, 1, prompts=9), 0.1, alpha)


def test_losses_must_be_of_nested_sets_and_some_prompt_must_be_left() -> None:
    with pytest.raises(ValueError, match="a loss falls as tau rises"):
        tau_crc(np.array([[True, False]]), 0.1)
    with pytest.raises(ValueError, match="no prompt is left to calibrate a risk on"):
        tau_ltt(np.zeros((0, 2), bool), 0.1)
