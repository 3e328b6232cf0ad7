from dataclasses import replace

import numpy as np
import pytest

from anabranch.data.outcomes import Outcomes
from anabranch.routers.policies.threshold_pair import ThresholdPair
from anabranch.training.evaluate import evaluate
from anabranch.training.report.contents import Report, Row
from tests.training.ready import ready_router

QUALITY = [[1, 0, 1], [0, 1, 1], [0, 0, 1], [1, 1, 0]]
COST = [[1, 2, 9]] * 4


def table(**options: object) -> Outcomes:
    return Outcomes.from_arrays(["cheap", "middle", "dear"], QUALITY, cost_usd=COST, **options)  # type: ignore[arg-type]


def measure(test: Outcomes, quality: object, **options: object) -> Report:
    return evaluate([ready_router(test, quality)], test, test, labels="hand", replicates=50, **options)  # type: ignore[arg-type]


def row(report: Report, name: str) -> Row:
    return next(row for row in report.baselines if row.name.startswith(name))


def test_baselines_by_hand() -> None:
    """Means over four prompts: cheap 2/4, middle 2/4, dear 3/4; every prompt has a right answer.

    The oracle takes the cheapest right arm: costs 1, 2, 9 and 1, so 13/4. Random: mean of the means, mean cost 4.
    """
    report = measure(table(), QUALITY)
    assert report.best_single == "dear"
    assert [row(report, name).quality.value for name in ("cheap", "middle", "dear")] == [0.5, 0.5, 0.75]
    oracle = row(report, "oracle")
    assert (oracle.quality.value, oracle.cost and oracle.cost.value, oracle.headroom.value) == (1.0, 3.25, 1.0)
    mix = row(report, "random mix")
    assert mix.quality.value == pytest.approx(7 / 12)
    assert mix.cost is not None and mix.cost.value == pytest.approx(4.0)
    assert row(report, "cheapest").name == "cheapest: cheap"
    assert row(report, "best single").gain.value == 0.0


def test_perfect_estimates_are_the_oracle() -> None:
    found = measure(table(), QUALITY).routers[0]
    assert (found.row.quality.value, found.row.headroom.value) == (1.0, 1.0)
    assert found.row.cost is not None and found.row.cost.value == 3.25
    assert found.shares == {"cheap": 0.5, "middle": 0.25, "dear": 0.25}
    assert found.metrics["hit_rate"].value == 1.0
    assert found.metrics["brier"].value == 0.0


def test_curve_runs_from_the_cheapest_to_the_best() -> None:
    curve = measure(table(), QUALITY).routers[0].curve
    assert (curve[0].tradeoff, curve[-1].tradeoff) == (0.0, 1.0)
    assert curve[0].cost is not None and curve[0].cost.value == 1.0
    assert curve[-1].quality.value == 1.0


def test_quality_only_tables_have_no_cost_anywhere() -> None:
    plain = Outcomes.from_arrays(["a", "b", "c"], QUALITY)
    report = measure(plain, QUALITY)
    assert report.cost_unit == "none" and report.frontier == ()
    assert all(one.cost is None for one in report.baselines)
    assert not [one for one in report.baselines if one.name.startswith("cheapest")]
    assert "aiq" not in report.routers[0].metrics and len(report.routers[0].curve) == 1


def test_pair_without_costs_counts_strong_calls() -> None:
    """Two prompts of four need the strong arm; sending exactly those there recovers the whole gap at half the calls.

    PGR along the share: 0 at 0, 1 at 1/2, 1 at 1; its area is 1/4 + 1/2 = 0.75.
    """
    pair = Outcomes.from_arrays(["weak", "strong"], [[0, 1], [0, 1], [1, 1], [1, 1]], tasks=["x/1", "x/2", "y", "y"])
    estimates = [[0.0, 0.9], [0.0, 0.8], [0.5, 0.5], [0.6, 0.6]]
    policy = ThresholdPair(strong=1, weak=0, quantiles=(0.0, 0.9))
    router = ready_router(pair, estimates, policy=policy, tradeoff=0.5)
    report = evaluate([router], pair, pair, labels="pair", replicates=50)
    assert report.cost_unit == "strong_share"
    found = report.routers[0]
    assert found.row.cost is not None and found.row.cost.value == 0.5
    assert [one.family for one in found.pairs] == ["all", "x", "y"]
    whole = found.pairs[0]
    assert (whole.apgr.value, whole.cpt50.value, whole.cpt80.value) == pytest.approx((0.75, 0.25, 0.4))
    assert np.isnan(found.pairs[2].apgr.value), "on y both arms are always right, so there is no gap to recover"


def test_a_router_agrees_with_itself() -> None:
    test = table()
    routers = [ready_router(test, QUALITY, name=name, origin="x") for name in ("run", "bundle")]
    report = evaluate(routers, test, test, labels="hand", replicates=20)
    (agreement,) = report.agreements
    assert (agreement.equal, agreement.unequal_beyond_ties) == (1.0, 0)
    assert agreement.quality_change.value == 0.0


def test_differences_within_a_tie_are_no_exceptions() -> None:
    """The first two estimates differ by less than 1e-4 and swap; the others differ by more and swap."""
    test = table()
    close = np.array([[0.50000, 0.50001, 0.1]] * 3 + [[0.5, 0.2, 0.1]])
    swapped = close[:, [1, 0, 2]]
    routers = [ready_router(test, estimates, origin="x") for estimates in (close, swapped)]
    (agreement,) = evaluate(routers, test, test, labels="hand", replicates=20).agreements
    assert (agreement.equal, agreement.unequal_beyond_ties) == (0.0, 1)


def test_routers_of_different_trainings_are_not_compared_as_one() -> None:
    test = table()
    routers = [ready_router(test, QUALITY, name=name, origin=name) for name in ("a", "b")]
    assert evaluate(routers, test, test, labels="hand", replicates=20).agreements == ()


def test_examples_show_gains_and_losses() -> None:
    report = measure(table(), [[0, 1, 0], [0, 1, 0], [0, 1, 0], [0, 1, 0]], examples=6)
    shown = {(one.prompt_id, one.arm, one.observed) for one in report.routers[0].examples}
    assert {("p3", "middle", 1.0)} <= shown, "the only prompt on which middle beats dear"
    assert not measure(table(), QUALITY, examples=0).routers[0].examples


def test_tasks_are_measured_apart() -> None:
    report = measure(table(tasks=["x", "x", "x", "y"]), [[1, 0, 0]] * 4)
    by_task = {one.task: one for one in report.routers[0].tasks}
    assert by_task["x"].prompts == 3
    assert by_task["x"].quality.value == pytest.approx(1 / 3)
    assert by_task["y"].gain.value == 1.0 and by_task["y"].best_single == 0.0


def test_unknown_cells_count_for_nothing() -> None:
    holes = Outcomes.from_arrays(["a", "b"], [[1.0, 0.0], [np.nan, 1.0], [0.0, 1.0], [1.0, 1.0]])
    report = measure(holes, [[1, 0]] * 4)
    assert report.routers[0].row.quality.value == pytest.approx(2 / 3)
    assert report.routers[0].row.coverage == 0.75
    assert report.notes == (
        "12.5% of the quality cells are unknown and count for nothing",
        "the best single model and the mix were chosen on these very prompts, in hindsight",
    )


def test_cheapest_and_best_are_chosen_on_train() -> None:
    """On train `a` is cheapest and `b` best; on test it is the other way round, and must not matter."""
    train = Outcomes.from_arrays(["a", "b"], [[0, 1], [0, 1]], cost_usd=[[1, 2], [1, 2]])
    test = Outcomes.from_arrays(["a", "b"], [[1, 0], [1, 0]], cost_usd=[[2, 1], [2, 1]], splits=["test"] * 2)
    test = replace(test, prompt_ids=("q0", "q1"))
    report = evaluate([ready_router(test, [[1, 0], [1, 0]])], test, train, labels="hand", replicates=20)
    assert report.best_single == "b"
    assert row(report, "cheapest").name == "cheapest: a"
    assert report.notes == ()


def test_other_arms_and_empty_tables_are_refused() -> None:
    other = Outcomes.from_arrays(["a", "b", "c"], QUALITY)
    with pytest.raises(ValueError, match="chooses among"):
        evaluate([ready_router(table(), QUALITY)], other, other, labels="hand")
    empty = Outcomes.from_arrays(["a"], [[np.nan]])
    with pytest.raises(ValueError, match="no quality is known"):
        measure(empty, [[1.0]])


def test_same_seed_same_intervals() -> None:
    first, second, other = (measure(table(), QUALITY, seed=seed).routers[0].row.quality for seed in (1, 1, 2))
    assert first == second
    assert first.value == other.value
