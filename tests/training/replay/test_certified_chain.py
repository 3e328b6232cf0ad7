import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anabranch.data.replay_table import ReplayTable
from anabranch.routers.deferral.threshold_chain import ThresholdChain
from anabranch.training.replay.certified_chain import certified_chain, ladder
from anabranch.training.replay.executor import NotReplayable, replay
from anabranch.training.replay.learn_then_test import learn_then_test, regret

INF, NAN = float("inf"), float("nan")
CHAINS = tuple(ThresholdChain((0, 1), (level,), "sure") for level in (INF, 0.5, -INF))


def forty_sure_of_sixty(small_usd: float = 1.0, large_usd: float = 5.0) -> ReplayTable:
    """The large model is always right; the small one on the 40 prompts on which it is sure, and on no other."""
    right = np.arange(60) < 40
    return ReplayTable.from_arrays(
        ["small", "large"],
        np.stack([right, np.ones(60)], axis=1),
        cost_usd=np.broadcast_to([small_usd, large_usd], (60, 2)),
        signals={"sure": np.where(right, 0.9, 0.1)[:, None].repeat(2, axis=1)},
    )


def test_the_cheapest_chain_that_is_proven_is_chosen() -> None:
    """Nothing lost of 60 at 0.06: 0.94^60 = 0.0244, at 0.05; 20 lost of 60 fails. Cost: 1 + 5 * 20 / 60."""
    found = certified_chain(CHAINS, forty_sure_of_sixty(), 0.06)
    assert found.policy == CHAINS[1] and found.certificate.certified == (0, 1)
    assert found.certificate.p_values[:2] == pytest.approx([0.94**60] * 2)
    assert (found.lost, found.quality, found.cost_usd) == pytest.approx((0.0, 1.0, 8 / 3))


def test_a_certified_chain_may_lose_some() -> None:
    """20 lost of 60 at 0.5: P(Bin(60, 0.5) <= 20) = 0.0067, and the small model alone costs 1."""
    found = certified_chain(CHAINS, forty_sure_of_sixty(), 0.5)
    assert (found.policy, found.certificate.policy) == (CHAINS[2], 2)
    assert (found.lost, found.quality, found.cost_usd) == pytest.approx((1 / 3, 2 / 3, 1.0))


def test_where_nothing_is_proven_the_last_model_answers_alone() -> None:
    """0.96^60 = 0.086 is above 0.05. The last model alone costs 5, not the chain's 6."""
    found = certified_chain(CHAINS, forty_sure_of_sixty(), 0.04)
    assert (found.policy.models, found.policy.thresholds, found.certificate.holds) == ((1,), (), False)
    assert (found.lost, found.quality, found.cost_usd) == (0.0, 1.0, 5.0)
    assert certified_chain(CHAINS, forty_sure_of_sixty(), 0.04, delta=0.1).policy == CHAINS[1]


def test_a_chain_that_costs_more_than_the_last_model_alone_is_not_worth_it() -> None:
    """The proven chain costs 3 + 2 * 20 / 60, the last model 2."""
    found = certified_chain(CHAINS, forty_sure_of_sixty(3.0, 2.0), 0.06)
    assert (found.policy.models, found.certificate.holds, found.cost_usd) == ((1,), True, 2.0)


def test_without_costs_the_last_certified_chain_is_the_cheapest() -> None:
    found = certified_chain(CHAINS, forty_sure_of_sixty(NAN), 0.06)
    assert found.policy == CHAINS[1] and np.isnan(found.cost_usd)


def test_graded_losses_are_not_tested_as_zero_and_one() -> None:
    """The small model loses a half on 6 of 60 prompts, 3 in all: Bentkus says e P(Bin(60, 0.15) <= 3) = e * 0.014834.

    Hoeffding says more: the divergence of 0.05 from 0.15 is 0.05073, and exp(-60 * 0.05073) = 0.0476.
    """
    quality = np.stack([np.where(np.arange(60) < 6, 0.5, 1.0), np.ones(60)], axis=1)
    table = ReplayTable.from_arrays(["a", "b"], quality, signals={"sure": np.ones((60, 2))})
    found = certified_chain(CHAINS[2:], table, 0.15)
    assert found.certificate.p_values == pytest.approx((np.e * 0.014834,), rel=1e-3)


def test_a_ladder_runs_from_never_to_always_keeping() -> None:
    """Of the signals 1, 2, 3, 4, unknown, a half and a quarter keep those from 3 on and 4; ends included."""
    sure = np.array([2.0, 4.0, 1.0, NAN, 3.0])
    signal = np.stack([sure, sure * 10, sure], axis=1)
    table = ReplayTable.from_arrays(["a", "b", "c"], np.zeros((5, 3)), signals={"sure": signal})
    rungs = ladder(table, (0, 1, 2), "sure", rungs=4)
    assert [chain.thresholds for chain in rungs] == [
        (INF, INF), (4.0, 40.0), (3.0, 30.0), (2.0, 20.0), (-INF, -INF),
    ]  # fmt: skip
    with pytest.raises(ValueError, match="a ladder has at least one step"):
        ladder(table, (0, 1), "sure", rungs=0)
    with pytest.raises(ValueError, match=r"signal 'sure' is unknown for all answers of models \['a'\]"):
        ladder(table.take([3]), (0, 1), "sure")


def test_what_cannot_be_certified_is_refused() -> None:
    table = forty_sure_of_sixty()
    with pytest.raises(ValueError, match="2 chains of 2 kinds"):
        certified_chain([CHAINS[0], ThresholdChain((1, 0), (0.5,), "sure")], table, 0.1)
    with pytest.raises(ValueError, match="0 chains of 0 kinds"):
        certified_chain([], table, 0.1)
    with pytest.raises(ValueError, match="alpha is 0"):
        certified_chain(CHAINS, table, 0.0)
    hole = ReplayTable.from_arrays(["a", "b"], [[1.0, NAN]], signals={"sure": [[1.0, 1.0]]})
    with pytest.raises(NotReplayable, match="no answer of 'b' is recorded on prompt 'p0'"):
        certified_chain(CHAINS, hole, 0.1)


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10**6), st.sampled_from([0.1, 0.3]), st.booleans())
def test_it_says_what_replay_says_in_any_order_of_prompts(seed: int, most_lost: float, graded: bool) -> None:
    rng = np.random.default_rng(seed)
    shape = (40, 3, 2)
    table = ReplayTable.from_arrays(
        ["a", "b", "c"],
        rng.random(shape) if graded else rng.random(shape) < [[0.7], [0.8], [0.9]],
        cost_usd=rng.random(shape) * [[1], [2], [9]],
        signals={"sure": np.where(rng.random(shape) < 0.1, NAN, rng.random(shape).round(1))},
    )
    chains = ladder(table, (0, 1, 2), "sure", rungs=4)
    found = certified_chain(chains, table, most_lost)
    played = [replay(chain, table) for chain in chains]
    last = replay(ThresholdChain((2,), (), "sure"), table)
    losses = regret(last.quality, np.stack([each.quality for each in played], axis=1))
    cost = [each.cost_usd.mean() for each in played]
    expected = learn_then_test(losses, most_lost, 0.05, cost_usd=cost, zero_one=not graded)
    assert found.certificate == expected
    again = replay(found.policy, table)
    assert (found.quality, found.cost_usd) == pytest.approx((again.quality.mean(), again.cost_usd.mean()))
    shuffled = certified_chain(chains, table.take(rng.permutation(40)), most_lost)
    assert (shuffled.policy, shuffled.certificate) == (found.policy, found.certificate)


def test_few_promises_are_broken() -> None:
    """A signal s, uniform; the small model is right with the chance s, the large one with 0.9, independently.

    From t on the small one loses 0.9 (1 - t)^2 / 2: 0.05 at t = 2/3. At most 5 % and three standard errors of 200
    calibrations break it: 19. Choosing by the observed loss breaks it in far more.
    """
    rng, draws = np.random.default_rng(0), 200
    levels = (INF, *np.linspace(0.99, 0.3, 70))
    chains = [ThresholdChain((0, 1), (float(level),), "sure") for level in levels]
    broken = naive = 0
    for _ in range(draws):
        sure = rng.random(300).astype(np.float32)
        right = np.stack([rng.random(300) < sure, rng.random(300) < 0.9], axis=1)
        table = ReplayTable.from_arrays(
            ["a", "b"], right, cost_usd=[[1.0, 5.0]] * 300, signals={"sure": np.stack([sure, sure], axis=1)}
        )
        found = certified_chain(chains, table, 0.05)
        broken += bool(found.policy.thresholds) and found.policy.thresholds[0] < 2 / 3
        kept = (sure[:, None] >= np.array(levels)) & (right[:, 1] > right[:, 0])[:, None]
        naive += levels[np.flatnonzero(kept.mean(axis=0) <= 0.05)[-1]] < 2 / 3
    assert broken <= 19 < naive / 2
