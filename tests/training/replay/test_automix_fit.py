from itertools import product
from math import inf, isnan, nan

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anabranch.data.replay_table import ReplayTable
from anabranch.routers.deferral.automix import AutoMix
from anabranch.training.replay.automix_bins import Bins, Mean, Sets, automix_bins
from anabranch.training.replay.automix_fit import fit_automix
from anabranch.training.replay.automix_sets import FAMILIES, exact, exact_set, greedy, pomdp
from anabranch.training.replay.executor import replay

PAIR = (0, 1)


def random_table(seed: int, prompts: int = 40, samples: int = 1, checks: int = 4) -> ReplayTable:
    rng, shape = np.random.default_rng(seed), (prompts, 2, samples)
    return ReplayTable.from_arrays(
        ["small", "large"],
        rng.integers(0, 3, shape) / 2,
        cost_usd=rng.uniform(0, 2, shape),
        key=rng.integers(-1, 3, shape),
        signals={"verify": rng.integers(0, checks + 1, shape) / checks},
    )


def given_sums(
    prompts: list[float], gain: list[float], extra_usd: list[float], kinds: list[list[int]] | None = None
) -> Bins:
    shares = np.zeros((len(prompts), 3)) if kinds is None else np.array(kinds, float)
    small, large = Mean(0.5, 1.0), Mean(0.9, 3.0)
    return Bins(np.array(prompts), np.array(gain), np.array(extra_usd), shares, sum(prompts), small, small, large)


def shown(sets: Sets) -> set[str]:
    return {"".join("x" if one else "." for one in row) for row in sets}


def test_bins_hold_sums_of_gain_cost_and_kinds() -> None:
    """Four prompts, two bins up to a half and 1; the worst tenth of each model is 0.

    Shares 0, 0, 1, unknown (bin 0): gains 1, 0 (both worthless: hopeless), 0 (both 1: good) and -1 (none of these).
    """
    table = ReplayTable.from_arrays(
        ["small", "large"],
        [[0, 1], [0, 0], [1, 1], [1, 0]],
        cost_usd=[[1, 4], [1, 5], [1, 6], [1, 7]],
        signals={"verify": [[0, nan], [0, nan], [1, nan], [nan, nan]]},
    )
    sums = automix_bins(table, PAIR, bins=2, signal="verify")
    assert sums.prompts.tolist() == [3, 0, 1] and sums.gain.tolist() == [0, 0, 0]
    assert sums.extra_usd.tolist() == [16, 0, 6]
    assert sums.kinds.tolist() == [[1, 0, 1], [0, 0, 0], [0, 1, 0]]
    assert (sums.kept, sums.large, sums.total) == (Mean(0.5, 1.0), Mean(0.5, 5.5), 4.0)


def test_a_prompt_with_several_samples_counts_once() -> None:
    """One prompt: small samples 0 (share 0) and 1 (share 1), large samples 1 and 0.5: half a prompt a bin.

    Gains (0.75 - 0) / 2 and (0.75 - 1) / 2; the large model costs 4 and 6, on average 5.
    """
    table = ReplayTable.from_arrays(
        ["small", "large"],
        [[[0.0, 1.0], [1.0, 0.5]]],
        cost_usd=[[[1, 3], [4, 6]]],
        signals={"verify": np.array([[[0, 1], [nan, nan]]])},
    )
    sums = automix_bins(table, PAIR, bins=1, signal="verify")
    assert sums.prompts.tolist() == [0.5, 0.5] and sums.total == 1.0
    assert sums.gain.tolist() == [0.375, -0.125] and sums.extra_usd.tolist() == [2.5, 2.5]
    assert (sums.kept, sums.large) == (Mean(0.5, 2.0), Mean(0.75, 5.0))


def test_what_lacks_a_quality_or_a_cost_is_left_out() -> None:
    table = ReplayTable.from_arrays(
        ["small", "large"], [[1.0, nan], [0.0, 1.0], [1.0, 1.0]], cost_usd=[[1.0, 1.0], [nan, 1.0], [2.0, 3.0]]
    )
    assert automix_bins(table, PAIR, bins=2, signal="verify").prompts.tolist() == [1, 0, 0]
    with pytest.raises(ValueError, match="no prompt has answers of both 'small' and 'large'"):
        automix_bins(table.take([0, 1]), PAIR, bins=2, signal="verify")


def test_the_best_set_at_a_price_is_where_the_shrunken_gain_exceeds_the_cost() -> None:
    """Gains a prompt 0.5, 0.1, -0.2 over 2, 2, 1 prompts; all: (1 + 0.2 - 0.2) / 5 = 0.2; kappa 1 draws each to it.

    (1 + 0.2) / 3 = 0.4, (0.2 + 0.2) / 3 = 0.133, (-0.2 + 0.2) / 2 = 0. Costs 1, 1, 1: at 0.3 the first bin, at 0.1 two.
    """
    sums = given_sums([2, 2, 1], [1.0, 0.2, -0.2], [2, 2, 1])
    sets = [exact_set(sums, price, kappa=1.0).tolist() for price in (0.5, 0.3, 0.1)]
    assert sets == [[False] * 3, [True, False, False], [True, True, False]]
    assert shown(exact(sums, 1.0)) == {"...", "x..", "xx.", "xxx"}


def test_a_bin_without_prompts_is_thought_like_all() -> None:
    """All gain 0.2 a prompt at 1 USD, so the empty bin does too, between 0.4 and 0."""
    assert shown(exact(given_sums([2, 0, 2], [0.8, 0, 0], [2, 0, 2]), 0.0)) == {"...", "x..", "xx.", "xxx"}


@given(st.integers(0, 10**6), st.floats(0, 5), st.sampled_from([0.0, 1.0, 10.0]))
@settings(max_examples=30, deadline=None)
def test_the_exact_family_holds_the_best_set_for_every_price(seed: int, price: float, kappa: float) -> None:
    sums = automix_bins(random_table(seed), PAIR, bins=4, signal="verify")
    assert exact_set(sums, price, kappa).tolist() in exact(sums, kappa).tolist()


@given(st.integers(0, 10**6), st.floats(0, 5))
@settings(max_examples=20, deadline=None)
def test_without_shrinkage_no_set_of_bins_is_better_at_its_price(seed: int, price: float) -> None:
    sums = automix_bins(random_table(seed, prompts=12), PAIR, bins=3, signal="verify")
    every = np.array(list(product([False, True], repeat=4)))
    quality, cost_usd = sums.reached(np.concatenate([exact_set(sums, price, 0.0)[None], every]))
    worth = quality - price * cost_usd
    assert worth[0] >= worth[1:].max() - 1e-12


def test_intervals_are_those_of_the_paper_and_both_extremes() -> None:
    sums = given_sums([1, 1, 1], [0, 0, 0], [1, 1, 1])
    assert shown(FAMILIES["threshold"](sums, 0.0)) == {"...", "x..", "xx.", "xxx"}
    assert shown(FAMILIES["double"](sums, 0.0)) == {"...", "x..", "xx.", "xxx", ".x.", ".xx", "..x"}
    assert shown(FAMILIES["triple"](sums, 0.0)) == {"...", "x..", "xx.", "xxx", ".x.", ".xx", "..x", "x.x"}


def test_the_pomdp_enumerates_what_the_published_penalties_would() -> None:
    """The argument of the maximum over both actions, ties kept, for every whole penalty up to 4999."""
    kinds = [[3, 1, 0], [1, 5, 2], [2, 0, 2], [0, 4, 1], [0, 0, 0], [1, 3, 0], [1, 0, 3]]
    shares = np.array(kinds) / np.maximum(np.sum(kinds, axis=1, keepdims=True), 1)
    penalties = np.arange(5000)[:, None]
    keep = -penalties * shares[:, 0] - (penalties + 1) * shares[:, 2]
    escalate = -100 * (shares[:, 0] + shares[:, 1]) - (penalties + 100) * shares[:, 2]
    published = shown(escalate > keep)
    assert shown(pomdp(given_sums([4] * 7, [0] * 7, [1] * 7, kinds), 0.0)) == published | {"x" * 7}


def test_greedy_adds_bins_by_their_smoothed_gain() -> None:
    """One bin gains, at the upper end; smoothed, gains fall with the distance from it."""
    sets = greedy(given_sums([1, 1, 1, 1], [0, 0, 0, 1], [1, 1, 1, 1]), 0.0)
    assert shown(sets) == {"....", "...x", "..xx", ".xxx", "xxxx"}


@pytest.mark.parametrize("family", FAMILIES)
def test_every_family_escalates_never_and_always(family: str) -> None:
    sums = automix_bins(random_table(1), PAIR, bins=4, signal="verify")
    assert {".....", "xxxxx"} <= shown(FAMILIES[family](sums, 10.0))


@pytest.mark.parametrize("family", FAMILIES)
@given(seed=st.integers(0, 10**6), always=st.sampled_from([(), (1,)]))
@settings(max_examples=6, deadline=None)
def test_what_it_says_it_reached_is_what_replay_reaches(family: str, seed: int, always: tuple[int, ...]) -> None:
    table = random_table(seed)
    budget_usd = float(replay(AutoMix(PAIR, (False,) * 5, always=always), table).cost_usd.mean()) + 0.3
    fitted = fit_automix(table, PAIR, budget_usd=budget_usd, family=family, bins=4, always=always)
    done = replay(fitted.policy, table)
    assert fitted.quality == pytest.approx(done.quality.mean(), abs=1e-12)
    assert fitted.cost_usd == pytest.approx(done.cost_usd.mean(), abs=1e-12)
    assert fitted.cost_usd <= budget_usd + 1e-9


def test_several_samples_count_as_any_of_them_may_come_first() -> None:
    """Over 40 seeds of the draw the mean of replay comes within 4 standard errors of what the fit says."""
    table = random_table(3, samples=3)
    fitted = fit_automix(table, PAIR, bins=4)
    means = [replay(fitted.policy, table, seed=seed).quality.mean() for seed in range(40)]
    assert abs(np.mean(means) - fitted.quality) <= 4 * np.std(means) / np.sqrt(40)


def test_the_budget_chooses_and_too_small_a_budget_is_refused() -> None:
    """Ten prompts a bin. Bin 0 gains 1 a prompt at 4 USD, bin 1 gains 0.5 at 1 USD; half the prompts are in each.

    Never: quality 0.25, 1 USD. Bin 1 alone: 0.5 at 1.5; both: 1.0 at 3.5; bin 0 alone, 0.75 at 3, is no best set at
    any price, but it is a threshold.
    """
    quality = np.array([[0.0, 1.0]] * 10 + [[0.5, 1.0]] * 10)
    cost_usd = np.array([[1, 4]] * 10 + [[1, 1]] * 10)
    table = ReplayTable.from_arrays(
        ["small", "large"], quality, cost_usd=cost_usd, signals={"verify": [[0, nan]] * 10 + [[1, nan]] * 10}
    )

    def reached(budget_usd: float, family: str = "exact") -> tuple[float, float]:
        fitted = fit_automix(table, PAIR, budget_usd=budget_usd, family=family, bins=1, kappa=0.0)
        return fitted.quality, fitted.cost_usd

    assert [reached(budget) for budget in (1.0, 3.2, inf)] == [(0.25, 1.0), (0.5, 1.5), (1.0, 3.5)]
    assert reached(3.2, "threshold") == (0.75, 3.0)
    with pytest.raises(ValueError, match=r"a budget of 0\.5 USD is below 1\.0"):
        reached(0.5)
    with pytest.raises(ValueError, match="unknown family 'pomp'; known families: double, exact"):
        reached(1.0, "pomp")


def test_the_lift_is_seen_from_the_small_model_without_its_checks() -> None:
    """Small 0.5 at 2 USD, of which 1 for checks; large 1.0 at 4; half escalate: 1.0 at 4.

    From (0.5, 1) the large model buys 0.5 / 3, the policy 0.5 / 3 as well: no lift. With no checks in the 2 USD,
    0.5 / 2 each. Never escalating buys nothing, which with checks is a lift of -1 and without is not defined.
    """
    table = ReplayTable.from_arrays(
        ["small", "large"], [[0, 1], [1, 1]], cost_usd=[[2, 4], [2, 4]], signals={"verify": [[0, nan], [1, nan]]}
    )

    def lift(budget_usd: float, verify_usd: float) -> float:
        return fit_automix(table, PAIR, budget_usd=budget_usd, bins=1, kappa=0.0, verify_usd=verify_usd).ibc_lift

    assert lift(inf, 1.0) == pytest.approx(0.0) and lift(inf, 0.0) == pytest.approx(0.0)
    assert lift(2.0, 1.0) == pytest.approx(-1.0) and isnan(lift(2.0, 0.0))
