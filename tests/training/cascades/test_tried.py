"""What a cascade does at every stop, by hand."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pytest

from anabranch.data.outcomes import Outcomes
from anabranch.data.replay_table import ReplayTable
from anabranch.routers.deferral.answered import Answered
from anabranch.routers.deferral.chance import Chance
from anabranch.routers.deferral.plan import Plan, Stop
from anabranch.routers.deferral.scorer import Scorer
from anabranch.routers.deferral.signal_maps import Steps
from anabranch.routers.deferral.state import Abstain, Action, Answer, Call, State
from anabranch.routers.deferral.threshold_chain import ThresholdChain
from anabranch.training.cascades.tried import TriedPlan
from anabranch.training.replay.executor import NotReplayable, replay
from tests.training.cascades.grounds import random_ground
from tests.training.ready import ready_router

INF = float("inf")
SURE = [[0.9, 0], [0.2, 0], [0.7, 0], [0.4, 0]]


def recorded(**changes: object) -> ReplayTable:
    """Small is right on the first and the third prompt, large on all but the last."""
    arrays: dict[str, object] = {
        "quality": [[1, 1], [0, 1], [1, 1], [0, 0]],
        "cost_usd": [[1, 5]] * 4,
        "latency_s": [[0.5, 2.0]] * 4,
        "signals": {"sure": SURE},
    }
    return ReplayTable.from_arrays(["small", "large"], **(arrays | changes))  # type: ignore[arg-type]


def chains(*levels: float, signal: str = "sure", **options: object) -> Plan:
    stops = tuple(Stop(ThresholdChain((0, 1), (level,), signal), 0.0, 0.0) for level in levels)
    return Plan("chain", ("small", "large"), stops, **options)  # type: ignore[arg-type]


@dataclass(frozen=True)
class Unsure:
    """Asks the first model, and answers only if it is sure."""

    models: tuple[int, ...] = (0,)

    def decide(self, state: State) -> Action:
        if not state.candidates:
            return Call((0,))
        return Answer(0, "sure") if state.candidates[0].signals["sure"] > 0.5 else Abstain("unsure")


@dataclass(frozen=True)
class BestExpected:
    """Asks the model of the highest estimate minus a tenth of its usual cost."""

    models: tuple[int, ...] = (0, 1)

    def decide(self, state: State) -> Action:
        if state.candidates:
            return Answer(0, "asked")
        return Call((int((state.quality - state.cost_usd / 10).argmax()),))


@dataclass(frozen=True)
class Twice:
    models: tuple[int, ...] = (0,)

    def decide(self, state: State) -> Action:
        return Answer(0, "two") if state.candidates else Call((0, 0))


def test_every_stop_by_hand() -> None:
    """Never on: 1, 0, 1, 0 for 1 each. Kept at 0.5 and above, the second and the last go on: they cost 1 + 5 and take
    0.5 s and then 2 s. Always on: large answers everything, for 6 each.
    """
    tried = TriedPlan.of(chains(-INF, 0.5, INF, tradeoff=0.5), recorded())
    assert tried.quality.tolist() == [[1, 1, 1], [0, 1, 1], [1, 1, 1], [0, 0, 0]]
    assert tried.cost_usd.tolist() == [[1, 1, 6], [1, 6, 6], [1, 1, 6], [1, 6, 6]]
    assert tried.latency_s.tolist() == [[0.5, 0.5, 2.5], [0.5, 2.5, 2.5], [0.5, 0.5, 2.5], [0.5, 2.5, 2.5]]
    assert tried.model.tolist() == [[0, 0, 1], [0, 1, 1], [0, 0, 1], [0, 1, 1]]
    assert tried.calls[1].tolist() == [[1, 1, 1], [0, 1, 1]]
    assert (tried.place, tried.reason) == (1, ("sure", "last", "sure", "last"))
    assert not tried.abstained.any()
    means = tried.means()
    assert means.cost_usd is not None
    assert (means.quality.tolist(), means.cost_usd.tolist()) == ([0.5, 0.75, 0.75], [1.0, 3.5, 6.0])


def test_to_abstain_is_quality_0() -> None:
    """It answers the first and the third prompt, both rightly: 2/4."""
    plan = Plan("unsure", ("small", "large"), (Stop(Unsure(), 0.0, 0.0),))
    tried = TriedPlan.of(plan, recorded())
    assert tried.quality[:, 0].tolist() == [1, 0, 1, 0]
    assert tried.abstained[:, 0].tolist() == [False, True, False, True]
    assert tried.model[:, 0].tolist() == [0, -1, 0, -1]
    assert tried.cost_usd[:, 0].tolist() == [1, 1, 1, 1]


def test_models_are_found_by_name() -> None:
    """The table has a third model, and the two in another order."""
    wide = ReplayTable.from_arrays(
        ["large", "other", "small"],
        [[1, 0, 1], [1, 0, 0], [1, 0, 1], [0, 0, 0]],
        cost_usd=[[5, 9, 1]] * 4,
        signals={"sure": [[0, 0, sure] for sure, _ in SURE]},
        responses=[["l", "o", "s"]] * 4,
    )
    found, expected = (TriedPlan.of(chains(0.5), table) for table in (wide, recorded()))
    assert (found.quality.tolist(), found.model.tolist()) == (expected.quality.tolist(), expected.model.tolist())
    assert found.cost_usd.tolist() == expected.cost_usd.tolist()
    with pytest.raises(ValueError, match=r"calls \['small'\].*'tiny'"):
        TriedPlan.of(chains(0.5), replace(wide, models=("large", "other", "tiny")))


def test_signals_are_worked_out_first() -> None:
    """The chance is 0.25 below a signal of 0.5 and 0.75 from there on, so 0.5 parts the prompts as before."""
    chance = Chance("chance", "sure", (Steps((0.0, 0.5), (0.25, 0.75)),) * 2)
    plan = chains(0.5, signal="chance", signals=(chance,))
    assert TriedPlan.of(plan, recorded()).cost_usd[:, 0].tolist() == [1, 6, 1, 6]


def test_a_scorer_reads_what_was_recorded_of_a_prompt() -> None:
    """It is sure of what says yes; without responses there is nothing to read."""

    def score(answers: Sequence[Answered]) -> np.ndarray:
        return np.array([one.answer == "yes" and one.prompt.startswith("prompt") for one in answers], np.float32)

    plan = chains(0.5, signal="score", signals=(Scorer("score", "file", score),))
    said = [["yes", "no"], ["no", "yes"], ["yes", "no"], ["no", "yes"]]
    assert TriedPlan.of(plan, recorded(responses=said)).cost_usd[:, 0].tolist() == [1, 6, 1, 6]
    with pytest.raises(ValueError, match=r"\['score'\] read what models wrote.*no responses"):
        TriedPlan.of(plan, recorded())


def test_estimates_and_usual_costs_are_those_of_serving() -> None:
    """Large is worth 0.9 - 0.5, small 0.3 or 0.5 - 0.1: only where small is expected to be 0.6 is it asked."""
    router = ready_router(
        Outcomes.from_arrays(["small", "large"], [[0, 0]] * 4), [[0.6, 0.9], [0.3, 0.9], [0.6, 0.9], [0.3, 0.9]]
    )
    plan = Plan("p", ("small", "large"), (Stop(BestExpected(), 0, 0),), usual_cost_usd=(1.0, 5.0), router=router)
    assert TriedPlan.of(plan, recorded()).model[:, 0].tolist() == [0, 1, 0, 1]
    with pytest.raises(ValueError, match="must be the same"):
        TriedPlan.of(replace(plan, router=replace(router, arms=("large", "small"))), recorded())


def test_a_prompt_counts_at_every_stop_or_at_none() -> None:
    """Large has no answer to the first prompt, which small was sure of: to keep it would favour the cheap stops."""
    holes = recorded(quality=[[1, np.nan], [0, 1], [1, 1], [0, 0]])
    tried = TriedPlan.of(chains(-INF, 0.5), holes)
    assert tried.known.tolist() == [False, True, True, True]
    assert np.isnan(tried.quality[0]).all() and tried.reason[0] == ""
    means = tried.means()
    assert (means.quality.tolist(), means.coverage.tolist()) == (
        [pytest.approx(1 / 3), pytest.approx(2 / 3)],
        [0.75] * 2,
    )
    with pytest.raises(NotReplayable, match="no prompt has an answer"):
        TriedPlan.of(chains(0.5), recorded(quality=[[1, np.nan]] * 4))


def test_prompts_with_too_few_samples_are_left_out() -> None:
    quality = np.array([[[1.0, 1.0]], [[1.0, np.nan]]])
    plan = Plan("p", ("small",), (Stop(Twice(), 0.0, 0.0),))
    assert TriedPlan.of(plan, ReplayTable.from_arrays(["small"], quality)).known.tolist() == [True, False]
    with pytest.raises(NotReplayable, match="collect more"):
        TriedPlan.of(plan, ReplayTable.from_arrays(["small"], [[1.0]]))


def test_costs_are_known_of_all_calls_or_unknown() -> None:
    """A cost that is unknown leaves the prompt out; if no prompt has all of them, there is quality alone."""
    some = TriedPlan.of(chains(-INF, 0.5), recorded(cost_usd=[[1, np.nan], [1, 5], [1, 5], [1, 5]]))
    assert some.known.tolist() == [False, True, True, True] and some.has_cost
    none = TriedPlan.of(chains(-INF, 0.5), recorded(cost_usd=[[1, np.nan]] * 4))
    assert none.known.all() and not none.has_cost
    assert none.means().cost_usd is None and none.means().quality.tolist() == [0.5, 0.75]


def test_what_was_not_called_changes_nothing() -> None:
    """Large's answers to prompts that small keeps are poisoned."""
    poisoned = recorded(
        quality=[[1, 0.5], [0, 1], [1, 0.5], [0, 0]],
        cost_usd=[[1, 1e6], [1, 5], [1, 1e6], [1, 5]],
        signals={"sure": [[0.9, -7], [0.2, 0], [0.7, 7], [0.4, 0]]},
    )
    first, second = (TriedPlan.of(chains(0.5), table) for table in (recorded(), poisoned))
    for name in ("quality", "cost_usd", "latency_s", "model", "calls"):
        assert getattr(first, name).tolist() == getattr(second, name).tolist()


def test_it_is_the_replay_of_each_stop() -> None:
    table = random_ground(3, prompts=40, samples=2).table
    plan = Plan(
        "p", table.models, tuple(Stop(ThresholdChain((0, 2), (t,), "logprob_mean"), 0, 0) for t in (-0.5, -0.1))
    )
    tried = TriedPlan.of(plan, table, seed=4)
    for stop, place in zip(plan.stops, range(2), strict=True):
        alone = replay(stop.policy, table, seed=4)
        assert tried.quality[:, place].tolist() == alone.quality.tolist()
        assert tried.cost_usd[:, place].tolist() == alone.cost_usd.tolist()
        assert tried.calls[:, :, place].tolist() == alone.calls.tolist()
