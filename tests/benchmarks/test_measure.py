"""A router's figures on a board, by hand."""

from collections.abc import Sequence

import numpy as np
import pytest

from anabranch.data.outcomes import Floats, Outcomes
from anabranch.routers.costing import Costing
from anabranch.routers.estimates import Estimates
from anabranch.routers.policies.argmax_utility import ArgmaxUtility
from anabranch.routers.policies.policy import Policy
from anabranch.routers.policies.threshold_pair import ThresholdPair
from anabranch.routers.router import Router
from benchmarks.leaderboard.baselines import baseline_lines
from benchmarks.leaderboard.measure import board_ground, measure

QUALITY = [[1.0, 0.0], [1.0, 0.0], [1.0, 0.0], [0.0, 1.0]]
COST = [[4.0, 1.0]] * 4


def router(quality: list[list[float]], policy: Policy, cost_usd: list[list[float]] | None = None) -> Router:
    """A router of ready-made estimates."""
    made = np.array(quality, np.float32)
    usage = np.full(made.shape, np.nan) if cost_usd is None else np.array(cost_usd)

    def estimate(texts: Sequence[str], tradeoff: Floats | None) -> Estimates[Floats]:
        return Estimates(made, usage, np.zeros_like(made))

    costing = Costing("unknown" if cost_usd is None else "cost_usd")
    return Router("r", ("a", "b"), estimate, costing, policy, 1.0, "calibrated")


def test_a_router_that_knows_all_recovers_the_headroom_at_less_than_the_cost_of_the_best() -> None:
    """The best single model a is right on 3 of 4; the oracle on 4 of 4. Perfect estimates: quality 1, gain 1/4,
    headroom 1, cost (3 * 4 + 1) / 4 = 3.25. Brier 0. Quality 3/4 is reached between b alone (1, 1/4) and (3.25, 1): at
    1 + 2.25 * 2/3 = 2.5 or before, so QNC is at most 2.5 / 4. The zero router is the line from b (1, 1/4) to a
    (4, 3/4), whose mean height is 1/2; the router's is at least that of its line, (2.25 * 5/8 + 0.75) / 3 = 0.71875."""
    table = Outcomes.from_arrays(["a", "b"], QUALITY, cost_usd=COST)
    ground = board_ground(table, table, macro=False, replicates=20)
    rows, curve = measure(router(QUALITY, ArgmaxUtility(scale_usd=4.0), COST), ground)
    observed = {name: float(values[0]) for name, values in rows.items()}
    assert observed["quality"] == 1.0
    assert observed["gain"] == 0.25
    assert observed["headroom"] == 1.0
    assert observed["cost"] == 3.25
    assert observed["brier"] == 0.0
    assert observed["qnc"] <= 2.5 / 4
    assert observed["aiq"] >= 0.71875 - 1e-9
    assert observed["aiq_gain"] == pytest.approx(observed["aiq"] - 0.5)
    assert all(values.shape == (21,) for values in rows.values())
    assert (curve[0][-1], curve[1][-1]) == (3.25, 1.0)


def test_of_a_pair_the_arm_thought_better_answers_where_quality_comes_first() -> None:
    """The threshold of a pair at trade-off 1 calls the strong arm, which is a, everywhere: 3/4. The arm that is thought
    better is right everywhere. Scores rank prompt 3 last, so all of the gap, 3/4 - 1/4 = 1/2, is overshot on the way:
    with shares 0, 1/4, 1/2, 3/4, 1 the quality is 1/4, 1/2, 3/4, 1, 3/4; recovered 0, 1/2, 1, 3/2, 1; the three prompts
    of equal advantage are a straight line, so the area is (3/4)(3/4) + (1/4)(5/4) = 0.875. Half is recovered at 1/4."""
    table = Outcomes.from_arrays(["a", "b"], QUALITY)
    ground = board_ground(table, table, macro=False, replicates=20)
    policy = ThresholdPair(strong=0, weak=1, quantiles=tuple(np.linspace(-1, 1, 5).tolist()))
    rows, _ = measure(router(QUALITY, policy), ground)
    assert rows["quality"][0] == 1.0
    assert rows["calibrated_quality"][0] == 0.75
    assert rows["apgr"][0] == pytest.approx(0.875)
    assert rows["apgr_gain"][0] == pytest.approx(0.375)
    assert rows["cpt50"][0] == pytest.approx(0.25)
    assert "aiq" not in rows


def test_without_costs_only_quality_is_measured() -> None:
    table = Outcomes.from_arrays(["a", "b", "c"], [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])
    ground = board_ground(table, table, macro=False, replicates=5)
    made = Router(
        "r",
        table.arms,
        lambda texts, tradeoff: Estimates(table.quality, np.full((2, 3), np.nan), np.zeros((2, 3))),
        Costing("unknown"),
        ArgmaxUtility(),
        1.0,
        "score",
    )
    rows, curve = measure(made, ground)
    assert set(rows) == {"quality", "gain", "headroom"}
    assert curve == ((), ())


def test_on_a_macro_board_tasks_count_alike_in_every_figure() -> None:
    """Three sums that a gets right and one rhyme that b does: by prompts a is best with 3/4, by tasks both have 1/2.
    Two thirds of the sums right would make a worse than b: a has (2/3 + 0) / 2 = 1/3, b (0 + 1) / 2 = 1/2."""
    quality = [[1.0, 0.0], [1.0, 0.0], [0.0, 0.0], [0.0, 1.0]]
    table = Outcomes.from_arrays(["a", "b"], quality, tasks=["sums", "sums", "sums", "rhymes"])
    ground = board_ground(table, table, macro=True, replicates=50)
    assert table.arms[ground.best] == "b"
    np.testing.assert_allclose(ground.arms.quality[0], [1 / 3, 1 / 2])
    # a rhyme is drawn in every replicate, always the same one: b has 1/2 in all of them
    np.testing.assert_allclose(ground.arms.quality[:, 1], 0.5)


def test_baselines_stand_beside_the_single_models() -> None:
    """Best single a: 3/4 for 4 USD; with b at 1/4 for 1 USD the coin between them has mean height 1/2; b alone 1/4."""
    table = Outcomes.from_arrays(["a", "b"], QUALITY, cost_usd=COST)
    lines = {line.name: line for line in baseline_lines(board_ground(table, table, macro=False, replicates=20))}
    assert list(lines) == ["a", "b", "best single: a", "cheapest: b", "random mix", "zero", "oracle"]
    areas = {name: None if line.aiq is None else line.aiq.value for name, line in lines.items()}
    assert areas["best single: a"] == areas["zero"] == pytest.approx(0.5)
    assert areas["cheapest: b"] == pytest.approx(0.25)
    assert areas["oracle"] is areas["random mix"] is areas["a"] is None
    assert lines["random mix"].quality.value == 0.5


def test_for_a_pair_the_coin_has_half_the_area_and_the_oracle_what_is_there() -> None:
    """The perfect score sends the three prompts first that a gains, then the one that it loses: 0.875 as above."""
    table = Outcomes.from_arrays(["a", "b"], QUALITY)
    lines = {line.name: line for line in baseline_lines(board_ground(table, table, macro=False, replicates=5))}
    assert (lines["random mix"].apgr, lines["zero"].apgr) == (0.5, 0.5)
    assert lines["oracle"].apgr == pytest.approx(0.875)
    assert lines["best single: a"].apgr is None
