from dataclasses import replace

import numpy as np
import pytest

from anabranch.data.outcomes import Outcomes
from anabranch.data.replay_table import ReplayTable
from anabranch.routers.deferral.chance import Chance
from anabranch.routers.deferral.plan import Plan, Stop
from anabranch.routers.deferral.signal_maps import Steps
from anabranch.routers.deferral.threshold_chain import ThresholdChain
from anabranch.routers.policies.threshold_pair import ThresholdPair
from anabranch.training.evaluate import evaluate
from anabranch.training.report.contents import Report, Row
from tests.training.cascades.test_tried import Unsure
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


ANSWERS = ReplayTable.from_arrays(
    ["cheap", "middle", "dear"],
    QUALITY,
    cost_usd=COST,
    latency_s=[[0.5, 1.0, 2.0]] * 4,
    signals={"sure": [[0.9, 0, 0], [0.2, 0, 0], [0.4, 0, 0], [0.7, 0, 0]]},
)


def cascade(
    *levels: float, name: str = "chain", models: tuple[str, ...] = ("cheap", "dear"), **options: object
) -> Plan:
    """Cheap first, then dear."""
    stops = tuple(Stop(ThresholdChain((0, 1), (level,), "sure"), 0.0, 0.0) for level in levels)
    return Plan(name, models, stops, **options)  # type: ignore[arg-type]


def measure_cascades(*plans: Plan, test: Outcomes | None = None, answers: ReplayTable = ANSWERS) -> Report:
    outcomes = test or table()
    return evaluate(
        [ready_router(outcomes, QUALITY)], outcomes, outcomes, labels="hand", plans=plans, table=answers, replicates=50
    )


def test_a_cascade_by_hand() -> None:
    """Cheap is kept at 0.9 and 0.7: right both times, for 1; dear is right on the others, for 1 + 9: 1.0 for 5.5.

    6 calls for 4 prompts, 4 of them cheap's. Half of the answers are dear's; they take 0.5 + 2 seconds, the others 0.5:
    of 0.5, 0.5, 2.5 and 2.5 the median is 1.5. The best single model has 0.75, the oracle 1.
    """
    router, found = measure_cascades(cascade(-np.inf, 0.5, np.inf, tradeoff=0.5)).routers
    assert (router.row.kind, router.calls) == ("router", None)
    assert (found.row.name, found.row.kind, found.tradeoff) == ("chain", "cascade", 0.5)
    assert (found.row.quality.value, found.row.gain.value, found.row.headroom.value) == (1.0, 0.25, 1.0)
    assert found.row.cost is not None and found.row.cost.value == 5.5
    assert [(p.tradeoff, p.quality.value, p.cost and p.cost.value) for p in found.curve] == [
        (0.0, 0.5, 1.0),
        (0.5, 1.0, 5.5),
        (1.0, 0.75, 10.0),
    ]
    assert found.shares == {"cheap": pytest.approx(4 / 6), "middle": 0.0, "dear": pytest.approx(2 / 6)}
    assert found.calls is not None
    assert found.calls.answered == {"cheap": 0.5, "middle": 0.0, "dear": 0.5}
    assert (found.calls.per_prompt.value, found.calls.abstained.value) == (1.5, 0.0)
    assert (found.calls.latency_p50_s, found.calls.latency_p95_s) == (1.5, 2.5)
    assert (found.pairs, found.bins) == ((), ())


def test_a_cascade_has_the_metrics_of_a_router() -> None:
    """The mix of cheap at 1 and dear at 9 has 0.5 + 0.25 * 4.5 / 8 at 5.5. Every answer is the best of its prompt."""
    found = measure_cascades(cascade(-np.inf, 0.5, tradeoff=1.0)).routers[1]
    assert found.verdict.gain.value == pytest.approx(0.5 - 0.25 * 4.5 / 8)
    shown = {name: found.metrics[name].value for name in ("peak", "oracle_gap", "regret", "hit_rate", "macro_quality")}
    assert shown == {"peak": 1.0, "oracle_gap": 0.0, "regret": 0.0, "hit_rate": 1.0, "macro_quality": 1.0}
    # half of its way from 1 to 5.5 leads to 0.75, where the best single model is at 9
    assert found.metrics["qnc"].value == pytest.approx(3.25 / 9)
    assert {"aiq", "audc", "aiq_of_mix", "aiq_gain", "router_arena"} <= found.metrics.keys()
    assert not {"brier", "collapse", "selection_entropy"} & found.metrics.keys()


def test_a_chain_that_never_goes_on_is_its_first_model() -> None:
    """And one that always answers with the first model is that model, interval by interval: all draws are shared."""
    report = measure_cascades(cascade(-np.inf))
    single = row(report, "cheap")
    assert report.routers[1].row == replace(single, name="chain", kind="cascade")


def test_a_cascade_is_measured_task_by_task() -> None:
    by_task = {
        one.task: one
        for one in measure_cascades(cascade(-np.inf), test=table(tasks=["x", "x", "x", "y"])).routers[1].tasks
    }
    assert by_task["x"].quality.value == pytest.approx(1 / 3) and by_task["y"].quality.value == 1.0
    assert by_task["x"].gain.value == pytest.approx(-2 / 3)


def test_to_abstain_counts_as_quality_0() -> None:
    plan = Plan("unsure", ("cheap", "dear"), (Stop(Unsure(), 0.0, 0.0),))
    found = measure_cascades(plan).routers[1]
    assert found.calls is not None
    assert (found.row.quality.value, found.calls.abstained.value) == (0.5, 0.5)
    assert found.calls.answered == {"cheap": 0.5, "middle": 0.0, "dear": 0.0}
    shown = {one.prompt_id: (one.arm, one.called, one.reason) for one in found.examples}
    assert shown["p0"] == ("cheap", ("cheap",), "sure") and shown["p1"] == ("", ("cheap",), "unsure")


def test_examples_of_a_cascade_say_who_was_asked() -> None:
    found = measure_cascades(cascade(0.5)).routers[1]
    shown = {one.prompt_id: one for one in found.examples}
    assert (shown["p1"].arm, shown["p1"].called, shown["p1"].observed) == ("dear", ("cheap", "dear"), 1.0)
    assert np.isnan(shown["p1"].estimated)


def test_a_cascade_without_costs_is_measured_by_its_quality() -> None:
    unknown = ReplayTable.from_arrays(["cheap", "dear"], np.array(QUALITY)[:, [0, 2]], signals={"sure": [[0.9, 0]] * 4})
    report = measure_cascades(cascade(-np.inf, 0.5, tradeoff=1.0), answers=unknown)
    found = report.routers[1]
    assert report.cost_unit == "usd" and found.row.cost is None
    assert found.verdict.gain.value == -0.25, "against the best single model, 0.75"
    assert "aiq" not in found.metrics and found.metrics["peak"].value == 0.5
    assert "the costs of what chain calls are not known: it cannot be judged beyond its quality" in report.notes
    plain = Outcomes.from_arrays(["cheap", "middle", "dear"], QUALITY)
    assert measure_cascades(cascade(-np.inf), test=plain, answers=unknown).cost_unit == "none"


def test_two_models_without_costs_count_strong_calls_for_routers_alone() -> None:
    pair = Outcomes.from_arrays(["cheap", "dear"], np.array(QUALITY)[:, [0, 2]])
    unknown = ReplayTable.from_arrays(pair.arms, pair.quality, signals={"sure": [[0.9, 0]] * 4})
    report = evaluate([], pair, pair, labels="hand", plans=[cascade(0.5)], table=unknown, replicates=20)
    assert report.cost_unit == "strong_share" and report.routers[0].row.cost is None


def test_what_is_not_recorded_lowers_coverage() -> None:
    holes = np.array(QUALITY, float)
    holes[0, 2] = np.nan
    found = measure_cascades(cascade(-np.inf), answers=replace(ANSWERS, quality=holes[:, :, None])).routers[1]
    assert found.row.coverage == 0.75
    assert found.row.quality.value == pytest.approx(1 / 3)


def test_a_cascade_agrees_with_its_bundle() -> None:
    """The other stop of the same training is another cascade; a threshold moved past one prompt changes that one."""
    run, bundle, moved = (cascade(level, name=name, origin="x") for level, name in ((0.5, "a"), (0.5, "b"), (0.3, "c")))
    (agreement,) = measure_cascades(run, bundle, moved).agreements
    assert (agreement.first, agreement.second) == ("a", "b")
    assert (agreement.equal, agreement.unequal_beyond_ties, agreement.tolerance) == (1.0, 0, 0.0)
    assert agreement.quality_change.value == 0.0
    assert agreement.cost_change is not None and agreement.cost_change.value == 0.0
    surer = replace(bundle, signals=(Chance("sure", "sure", (Steps((0.0, 0.8), (0.0, 1.0)),) * 2),))
    (changed,) = measure_cascades(run, surer).agreements
    assert (changed.equal, changed.unequal_beyond_ties) == (0.75, 1)
    assert changed.cost_change is not None and changed.cost_change.value == 9 / 4


def test_cascades_of_other_models_and_without_answers_are_refused() -> None:
    with pytest.raises(ValueError, match=r"'chain' calls \['tiny'\]"):
        measure_cascades(cascade(0.5, models=("tiny", "dear")))
    with pytest.raises(ValueError, match="give the recorded answers"):
        evaluate([], table(), table(), labels="hand", plans=[cascade(0.5)])
    with pytest.raises(ValueError, match="give the recorded answers"):
        measure_cascades(cascade(0.5), answers=ANSWERS.take([0, 1]))


def test_each_of_several_verdicts_is_a_test_of_its_own() -> None:
    assert any("each of the 2 verdicts" in note for note in measure_cascades(cascade(0.5)).notes)
