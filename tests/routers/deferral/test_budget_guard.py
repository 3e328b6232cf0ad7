from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anabranch.data.replay_table import ReplayTable
from anabranch.routers.deferral.budget_guard import BudgetGuard
from anabranch.routers.deferral.deferral import Deferral
from anabranch.routers.deferral.state import Abstain, Action, Answer, Call, Candidate, State
from anabranch.routers.deferral.threshold_chain import ThresholdChain
from anabranch.training.replay.executor import replay

NAN, INF = float("nan"), float("inf")
COSTS = np.array([1.0, 2.0, 4.0])
CHAIN = ThresholdChain((0, 1, 2), (0.9, 0.9), "sure")


@dataclass(frozen=True)
class Twice:
    """Calls a model twice, all at once, and then answers with the second; it has no signal."""

    models: tuple[int, ...]

    def decide(self, state: State) -> Action:
        return Answer(state.answers[-1]) if len(state.candidates) >= 2 else Call(self.models * 2)


def state(*candidates: Candidate, cost_usd: object = COSTS) -> State:
    return State(candidates, np.full(3, NAN), np.asarray(cost_usd, np.float64), u=0.5)


def answer(model: int, sure: float | None, failed: bool = False) -> Candidate:
    signals = {} if sure is None else {"sure": sure}
    return Candidate(model, signals=signals, cost_usd=float(COSTS[model]), failed=failed)


@pytest.mark.parametrize(
    ("limit", "expected"),
    [
        (7.0, Call((2,), "unsure")),  # 1 + 2 + 4 is just affordable
        (6.9, Answer(0, "over_budget")),
    ],
)
def test_an_unaffordable_call_is_answered_with_the_surest_candidate(limit: float, expected: Action) -> None:
    on = state(answer(0, 0.5), answer(1, 0.3))
    assert BudgetGuard(CHAIN, limit).decide(on) == expected


def test_a_total_that_only_rounding_takes_over_the_limit_is_affordable() -> None:
    """0.1 + 0.2 is 0.30000000000000004."""
    spent = Candidate(0, cost_usd=0.1)
    assert BudgetGuard(CHAIN, 0.3).decide(state(spent, cost_usd=[0.1, 0.2, 9.0])) == Call((1,), "unsure")
    assert BudgetGuard(CHAIN, 0.299).decide(state(spent, cost_usd=[0.1, 0.2, 9.0])) == Answer(0, "over_budget")


@pytest.mark.parametrize(
    ("sures", "pick"),
    [((0.5, None), 0), ((None, None), 1), ((NAN, None), 1), ((0.5, 0.5), 1), ((-INF, None), 1), ((0.2, 0.3), 1)],
)
def test_unknown_signals_come_last_and_of_equals_the_latest_answers(
    sures: tuple[float | None, float | None], pick: int
) -> None:
    on = state(answer(0, sures[0]), answer(1, sures[1]))
    assert BudgetGuard(CHAIN, 3.0).decide(on) == Answer(pick, "over_budget")


def test_a_failed_call_was_paid_for_and_does_not_answer() -> None:
    assert BudgetGuard(CHAIN, 6.9).decide(state(answer(0, 0.1), answer(1, 0.8, failed=True))) == Answer(
        0, "over_budget"
    )
    assert BudgetGuard(CHAIN, 2.0).decide(state(answer(0, 0.8, failed=True))) == Abstain("over_budget")


def test_without_a_candidate_it_abstains_and_what_is_no_call_passes() -> None:
    assert BudgetGuard(CHAIN, 0.5).decide(state()) == Abstain("over_budget")
    assert BudgetGuard(CHAIN, 0.0).decide(state(answer(0, 0.95))) == Answer(0, "sure")


def test_all_calls_of_a_wave_count_and_a_policy_without_a_signal_answers_with_the_latest() -> None:
    """Two calls at 2 USD each are 4; after one call at 1 they are 5."""
    guard = BudgetGuard(Twice((1,)), 4.0)
    assert (guard.models, guard.decide(state())) == ((1,), Call((1, 1)))
    assert BudgetGuard(Twice((1,)), 3.9).decide(state()) == Abstain("over_budget")
    assert guard.decide(state(answer(0, 0.9))) == Answer(0, "over_budget")


def test_unknown_costs_are_refused() -> None:
    with pytest.raises(ValueError, match=r"the expected cost of models \[0\] is unknown"):
        BudgetGuard(CHAIN, 9.0).decide(state(cost_usd=[NAN, 1.0, 1.0]))
    with pytest.raises(ValueError, match="a candidate's cost is unknown"):
        BudgetGuard(CHAIN, 9.0).decide(state(Candidate(0, cost_usd=NAN)))


@pytest.mark.parametrize("limit", [-0.1, NAN])
def test_a_limit_below_zero_is_refused(limit: float) -> None:
    with pytest.raises(ValueError, match="the limit must be 0 or more"):
        BudgetGuard(CHAIN, limit)


def random_table(seed: int) -> ReplayTable:
    rng = np.random.default_rng(seed)
    return ReplayTable.from_arrays(
        ["a", "b", "c"],
        rng.random((12, 3)),
        cost_usd=np.broadcast_to(COSTS, (12, 3)),
        signals={"sure": rng.random((12, 3))},
    )


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10**6), st.integers(0, 80).map(lambda tenths: tenths / 10), st.floats(0, 1))
def test_no_prompt_spends_more_than_the_limit_where_calls_cost_what_is_expected(
    seed: int, limit: float, threshold: float
) -> None:
    """And what the free policy does within the limit stays as it is."""
    table, chain = random_table(seed), ThresholdChain((0, 1, 2), (threshold, threshold), "sure")
    free, guarded = replay(chain, table), replay(BudgetGuard(chain, limit), table)
    assert (guarded.cost_usd <= limit + 1e-6).all()
    within = free.cost_usd <= limit
    assert (guarded.calls[within] == free.calls[within]).all() and (guarded.model[within] == free.model[within]).all()
    assert (guarded.abstained == (limit < 1.0)).all()


@settings(max_examples=20, deadline=None)
@given(st.lists(st.booleans(), min_size=3, max_size=3), st.floats(0, 8))
def test_it_ends_whatever_fails(failed: list[bool], limit: float) -> None:
    guard: Deferral = BudgetGuard(CHAIN, limit)
    on = state()
    for _ in range(4):
        action = guard.decide(on)
        if not isinstance(action, Call):
            break
        on = on.after([answer(model, 0.1, failed=failed[model]) for model in action.models])
    assert not isinstance(action, Call)
    assert isinstance(action, Answer) == bool(on.answers)
