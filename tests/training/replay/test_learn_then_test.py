from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anabranch.training.replay.learn_then_test import (
    Floats,
    conformal_risk_control,
    cost_bound,
    learn_then_test,
    p_values,
    regret,
    selective_error,
)
from anabranch.training.risk import tau_crc, tau_ltt

NAN = np.nan
ALPHA, DELTA, PROMPTS, DRAWS = 0.15, 0.1, 600, 2000
THRESHOLDS = np.linspace(1, 0, 41)
RISKS = (1 - THRESHOLDS) ** 2 / 4
"""Of keeping every answer whose signal reaches a threshold; see `calibrations`."""
MOST_BROKEN = DRAWS * DELTA + 3 * np.sqrt(DRAWS * DELTA * (1 - DELTA))


def counted(*lost_prompts: int, prompts: int) -> Floats:
    """Losses [n, P] of which `lost_prompts` [P] are 1."""
    return (np.arange(prompts)[:, None] < np.array(lost_prompts)[None, :]).astype(np.float64)


@cache
def calibrations() -> list[Floats]:
    """A5's setting: 2000 calibrations of 600 prompts and 41 thresholds from 1 to 0; a loss is a kept wrong answer.

    The signal s is uniform and an answer is wrong with the chance (1 - s) / 2. From t to 1 that integrates to
    (1 - t)^2 / 4: 0.1406 at 0.25 and 0.1502 at 0.225, so 0.25 is the cheapest threshold that keeps 0.15.
    """
    rng = np.random.default_rng(0)
    signal = rng.random((DRAWS, PROMPTS))
    wrong = rng.random(signal.shape) < (1 - signal) / 2
    return [(one[:, None] >= THRESHOLDS) & lost[:, None] for one, lost in zip(signal, wrong, strict=True)]


def test_zero_one_losses_get_the_exact_binomial_tail() -> None:
    """One lost of 10 at alpha 0.3: 0.7^10 + 10 * 0.3 * 0.7^9 = 0.028248 + 0.121061."""
    assert p_values(counted(1, prompts=10), 0.3).tolist() == pytest.approx([0.1493083])
    assert p_values(counted(10, prompts=10), 0.3).tolist() == [1.0]


def test_graded_losses_get_the_smaller_of_hoeffding_and_bentkus() -> None:
    """Two halves lost of 20 at alpha 0.2: a rate of 0.05.

    Its divergence from 0.2 is 0.05 ln 0.25 + 0.95 ln(0.95 / 0.8) = 0.093943, and exp(-20 * 0.093943) = 0.15276.
    Bentkus: e (0.8^20 + 20 * 0.2 * 0.8^19) = 0.18804.
    """
    half = counted(2, prompts=20) / 2
    assert p_values(half, 0.2).item() == pytest.approx(0.15276, abs=1e-5)


def test_bentkus_is_the_smaller_where_the_rate_is_close_to_alpha() -> None:
    """Losses 0.5 and 0.5 of 2 at alpha 0.5: Hoeffding says 1, Bentkus e * 0.75 > 1. At n = 100 with 40 lost of 1 and
    alpha 0.5 Hoeffding says exp(-100 * 0.020136) = 0.1335 and Bentkus e * P(Bin(100, 0.5) <= 40) = e * 0.028444.
    """
    assert p_values([[0.5], [0.5]], 0.5).item() == 1.0
    assert p_values(counted(40, prompts=100), 0.5, zero_one=False).item() == pytest.approx(np.e * 0.028444, rel=1e-4)
    assert p_values(counted(40, prompts=100), 0.5).item() == pytest.approx(0.028444, rel=1e-4)


def test_a_fixed_sequence_stops_at_the_first_failure_and_bonferroni_does_not() -> None:
    """Nothing lost of 45 at 0.1: 0.9^45 = 0.00873, below 0.05 / 4. Ten lost: far above."""
    losses = counted(0, 0, 10, 0, prompts=45)
    found = learn_then_test(losses, 0.1, 0.05)
    assert (found.certified, found.policy, found.prompts) == ((0, 1), 1, 45)
    found = learn_then_test(losses, 0.1, 0.05, procedure="bonferroni")
    assert (found.certified, found.policy) == ((0, 1, 3), 3)
    assert not learn_then_test(losses, 0.1, 0.03, procedure="bonferroni").holds  # 0.03 / 4 = 0.0075
    assert str(found) == "policy 3 keeps a risk of at most 0.1, 95% sure, from 45 prompts"


def test_the_cheapest_is_by_cost_where_costs_are_given_and_the_safest_of_equals() -> None:
    losses = counted(0, 0, 0, 45, prompts=45)
    assert learn_then_test(losses, 0.1, cost_usd=[3.0, 1.0, 1.0, NAN]).policy == 1
    with pytest.raises(ValueError, match="the cost of certified policies is unknown"):
        learn_then_test(losses, 0.1, cost_usd=[3.0, NAN, 1.0, 0.0])


def test_where_nothing_is_certifiable_it_says_so() -> None:
    """Nothing lost of 10: 0.9^10 = 0.35. For CRC one more of 11 is 0.0909 above 0.09."""
    found = learn_then_test(counted(0, 0, prompts=10), 0.1)
    assert (found.certified, found.policy, found.holds) == ((), None, False)
    assert str(found).startswith(
        "nothing could be certified: no policy is shown to keep a risk of at most 0.1, 90% sure"
    )
    found = conformal_risk_control(counted(0, 0, prompts=10), 0.09)
    assert (found.policy, found.certified, found.delta, found.p_values) == (None, (), None, ())
    assert "on average over calibrations" in str(found)


def test_selective_error_is_tested_on_the_answers_given() -> None:
    """Policy 0 answers 4 of 6 and errs once; policy 1 answers all and errs three times; policy 2 answers nothing.

    P(Bin(4, 0.5) <= 1) = 5/16, P(Bin(6, 0.5) <= 3) = 42/64, and no answer proves nothing.
    """
    wrong = np.array([[1, 1, 1], [0, 0, 0], [0, 0, 0], [0, 0, 0], [1, 1, 1], [1, 1, 1]], bool)
    answered = np.array([[1, 1, 0]] * 4 + [[0, 1, 0]] * 2, bool)
    assert p_values(selective_error(wrong, answered), 0.5).tolist() == pytest.approx([5 / 16, 42 / 64, 1.0])


def test_regret_counts_only_what_the_strongest_does_better() -> None:
    assert regret([1.0, 0.5, 0.0], [[0.25], [0.5], [1.0]]).tolist() == [[0.75], [0.0], [0.0]]


def test_the_cost_bound_is_a_rank() -> None:
    """Rank ceil(10 * 0.7) = 7 of nine costs, and ceil(10 * 0.95) = 10, which is beyond them."""
    costs = [9.0, 1.0, 8.0, 2.0, 7.0, 3.0, 6.0, 4.0, 5.0]
    assert cost_bound(costs, 0.3) == 7.0
    assert cost_bound(costs, 0.05) == float("inf")
    with pytest.raises(ValueError, match="1 of 2 costs are unknown"):
        cost_bound([1.0, NAN], 0.3)


def test_few_certificates_are_broken_and_the_observed_risk_would_break_many() -> None:
    """Taking the last threshold whose observed risk keeps alpha picks 0.225 or less in almost half of the draws."""
    samples = calibrations()
    chosen = [learn_then_test(losses, ALPHA, DELTA).policy for losses in samples]
    assert None not in chosen
    broken = (RISKS[np.array(chosen)] > ALPHA).sum()
    observed = np.array([np.flatnonzero(losses.mean(axis=0) <= ALPHA)[-1] for losses in samples])
    assert broken <= MOST_BROKEN < (RISKS[observed] > ALPHA).sum()
    assert 0.25 <= np.median(THRESHOLDS[np.array(chosen)]) <= 0.325


def test_the_mean_risk_of_crc_is_at_most_alpha_and_close_to_it() -> None:
    """What the grid costs is at most the step of the risk from 0.25 to 0.225, 0.0096, and one prompt more 1 / 601."""
    chosen = [conformal_risk_control(losses, ALPHA).policy for losses in calibrations()]
    assert None not in chosen
    risks = RISKS[np.array(chosen)]
    sigma = risks.std() / np.sqrt(DRAWS)
    assert ALPHA - 0.0096 - 1 / 601 - 3 * sigma <= risks.mean() <= ALPHA + 3 * sigma


@pytest.mark.parametrize(("chance", "size"), [(0.15, 1.0), (0.3, 0.5), (0.151, 0.99)])
def test_a_risk_of_alpha_or_more_passes_in_at_most_delta_of_the_calibrations(chance: float, size: float) -> None:
    """Each of 2000 columns is a calibration of 200 prompts that lose `size` with `chance`; the risk is about alpha."""
    losses = size * (np.random.default_rng(1).random((200, DRAWS)) < chance)
    alpha = chance * size - 1e-9
    assert (p_values(losses, alpha) <= DELTA).sum() <= MOST_BROKEN


def test_a_selective_error_of_alpha_passes_in_at_most_delta_of_the_calibrations() -> None:
    """Wrong answers are answered twice as often as right ones: of the wrong half 0.6, of the right half 0.3.

    The selective error is 0.3 / 0.45 = 2/3, though only half of all answers are wrong.
    """
    rng = np.random.default_rng(2)
    wrong = rng.random((200, DRAWS)) < 0.5
    answered = rng.random(wrong.shape) < np.where(wrong, 0.6, 0.3)
    p = p_values(selective_error(wrong, answered), 2 / 3 - 1e-9)
    assert DRAWS * DELTA / 2 <= (p <= DELTA).sum() <= MOST_BROKEN
    assert (p_values(wrong, 2 / 3 - 1e-9) <= DELTA).mean() > 0.99


def test_a_cost_bound_is_exceeded_by_alpha_of_the_next_prompts_at_most() -> None:
    """Of uniform costs the bound's own share above it has the mean 1 - rank / (n + 1) = 1 - 46 / 51."""
    rng = np.random.default_rng(3)
    above = 1 - np.array([cost_bound(rng.random(50), 0.1) for _ in range(DRAWS)])
    sigma = above.std() / np.sqrt(DRAWS)
    assert abs(above.mean() - 5 / 51) <= 3 * sigma and above.mean() <= 0.1 + 3 * sigma


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10**6), st.booleans())
def test_the_order_of_prompts_changes_nothing(seed: int, graded: bool) -> None:
    rng = np.random.default_rng(seed)
    losses = np.sort(rng.random((80, 4)), axis=1) if graded else np.sort(rng.random((80, 4)) < 0.2, axis=1)
    shuffled = losses[rng.permutation(80)]
    assert learn_then_test(losses, 0.4) == learn_then_test(shuffled, 0.4)
    assert conformal_risk_control(losses, 0.4) == conformal_risk_control(shuffled, 0.4)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10**6), st.sampled_from([0.05, 0.2, 0.5]))
def test_nested_sets_are_judged_as_those_of_risk(seed: int, alpha: float) -> None:
    """`tau_ltt` bounds the risk where this one tests it, which is the same decision."""
    rng = np.random.default_rng(seed)
    losses = np.sort(rng.random((60, 5)) < rng.choice([0.02, 0.1, 0.4], 5), axis=1)
    for found, expected in (
        (learn_then_test(losses, alpha, 0.05), tau_ltt(losses, alpha, 0.05, np.arange(5.0))),
        (conformal_risk_control(losses, alpha), tau_crc(losses, alpha, np.arange(5.0))),
    ):
        assert found.holds == expected.holds
        assert (found.policy or 0) == expected.tau


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 40), st.integers(1, 40), st.sampled_from([0.1, 0.5, 0.9]))
def test_p_values_grow_with_losses_and_the_exact_one_is_the_smaller(lost: int, more: int, alpha: float) -> None:
    few, many = p_values(counted(lost, min(lost + more, 40), prompts=40), alpha)
    assert few <= many <= 1
    assert few <= p_values(counted(lost, prompts=40), alpha, zero_one=False).item() + 1e-12


@pytest.mark.parametrize("share", [0.0, 1.0, NAN])
def test_shares_outside_0_and_1_are_refused(share: float) -> None:
    losses = counted(1, prompts=9)
    with pytest.raises(ValueError, match="alpha is"):
        learn_then_test(losses, share)
    with pytest.raises(ValueError, match="alpha is"):
        conformal_risk_control(losses, share)
    with pytest.raises(ValueError, match="delta is"):
        learn_then_test(losses, 0.1, share)


def test_what_is_no_loss_is_refused() -> None:
    with pytest.raises(ValueError, match=r"losses run from -0.5 to 2; they must lie in \[0, 1\]"):
        learn_then_test([[-0.5, 2.0]], 0.1)
    for empty in (np.zeros((0, 3)), np.zeros((3, 0)), np.zeros(3)):
        with pytest.raises(ValueError, match="they must be prompts x policies"):
            learn_then_test(empty, 0.1)
    for broken in ([[1.0, 0.0]], [[0.0, NAN]]):
        with pytest.raises(ValueError, match="a loss is unknown or falls along its row"):
            conformal_risk_control(broken, 0.1)
