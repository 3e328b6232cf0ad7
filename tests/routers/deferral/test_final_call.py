"""A call that a policy says is final is its answer, whatever it says."""

from dataclasses import dataclass
from math import nan

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anabranch.routers.deferral.automix import AutoMix
from anabranch.routers.deferral.budget_guard import BudgetGuard
from anabranch.routers.deferral.cascade_routing import CascadeRouting
from anabranch.routers.deferral.consistency import Consistency
from anabranch.routers.deferral.deferral import Deferral
from anabranch.routers.deferral.final_call import is_final
from anabranch.routers.deferral.gaussian_belief import GaussianBelief
from anabranch.routers.deferral.model_switch import ModelSwitch
from anabranch.routers.deferral.robon import RoBoN
from anabranch.routers.deferral.semantic_agreement import SemanticAgreement
from anabranch.routers.deferral.signal_maps import Steps
from anabranch.routers.deferral.speculative import Speculative
from anabranch.routers.deferral.state import Action, Answer, Call, Candidate, State
from anabranch.routers.deferral.suitable_chain import SuitableChain
from anabranch.routers.deferral.threshold_chain import ThresholdChain
from anabranch.routers.deferral.time_sharing import TimeSharing
from anabranch.routers.deferral.unsure_pair import UnsurePair

CHAIN = ThresholdChain((0, 1, 2), (0.5, 0.8), "sure")
BELIEF = GaussianBelief(("sure",), (0.5, 0.5), (0.5, 0.5, 0.0, 0.0), ((0.0, 0.0),) * 4, tuple(map(tuple, np.eye(4))))
POLICIES: dict[str, Deferral] = {
    "automix": AutoMix((0, 2), (True, False, True), signal="sure", always=("a",)),
    "budget": BudgetGuard(CHAIN, max_cost_usd=2.5),
    "cascade routing": CascadeRouting((0, 1), BELIEF, lam=0.1),
    "chain": CHAIN,
    "consistency": Consistency((0, 1), samples=2, tau=0.9),
    "consistency of several": Consistency((0, 1), samples=2, tau=0.9, strong_samples=2),
    "model switch": ModelSwitch((0, 1), samples=1, tau=2.0),
    "robon": RoBoN((0, 1, 2), calls=1),
    "routing": CascadeRouting((0, 1), BELIEF, lam=0.1, max_depth=1),
    "semantic agreement": SemanticAgreement((0, 1, 2), tau=0.9),
    "speculative": Speculative((0, 1), 0.8, "sure", Steps((0.0,), (0.9,)), wait_s=1.0, usd_per_s=1.0),
    "suitable chain": SuitableChain((0, 1, 2), -0.2, 0.8, "sure"),
    "time sharing": TimeSharing(CHAIN, AutoMix((1, 2), (True, False), signal="sure"), share=0.5),
    "unsure pair": UnsurePair((0, 1, 2), lam=0.1, delta=0.2, threshold=0.8, signal="sure"),
}
FORESEEING = set(POLICIES) - {"consistency of several", "model switch"}
SAID = st.tuples(st.sampled_from(["a", "b", None]), st.sampled_from([0.0, 0.6, 1.0, nan]), st.booleans())


def began(u: float) -> State:
    return State((), np.full(3, 0.5), np.ones(3), u)


def next_candidates(call: Call, said: list[tuple[str | None, float, bool]], first: int) -> list[Candidate]:
    """Answers to a wave; each is (key, signal, failed) and costs 1 USD."""
    return [
        Candidate(model, first + at, said[at][0], {"sure": said[at][1]}, 1.0, failed=said[at][2])
        for at, model in enumerate(call.models)
    ]


@pytest.mark.parametrize("name", POLICIES)
@settings(max_examples=40, deadline=None)
@given(u=st.floats(0, 0.99), said=st.lists(SAID, min_size=12, max_size=12))
def test_a_final_call_that_does_not_fail_is_the_answer(
    name: str, u: float, said: list[tuple[str | None, float, bool]]
) -> None:
    policy, state = POLICIES[name], began(u)
    while isinstance(action := policy.decide(state), Call):
        wave = next_candidates(action, said[len(state.candidates) :], len(state.candidates))
        state = state.after(wave)
        if is_final(policy, State(state.candidates[: -len(wave)], state.quality, state.cost_usd, u), action):
            assert len(wave) == 1
            if not wave[0].failed:
                ended = policy.decide(state)
                assert isinstance(ended, Answer) and ended.pick == len(state.candidates) - 1


@pytest.mark.parametrize("name", POLICIES)
def test_unsure_answers_lead_to_a_final_call(name: str) -> None:
    """No answer agrees with another and none is sure: all policies but those that vote in the end name a last call."""
    policy, state, finals = POLICIES[name], began(0.0), 0
    while isinstance(action := policy.decide(state), Call):
        finals += is_final(policy, state, action)
        failed = name == "cascade routing"  # with an answer, it may always be thought better
        state = state.after([Candidate(model, key=None, cost_usd=1.0, failed=failed) for model in action.models])
    assert finals == (name in FORESEEING and name != "budget")


@dataclass(frozen=True)
class Silent:
    """Says nothing of its calls."""

    models: tuple[int, ...] = (0,)

    def decide(self, state: State) -> Action:
        return Answer(0) if state.candidates else Call((0,))


def test_who_cannot_tell_has_no_final_call() -> None:
    assert not is_final(Silent(), began(0.0), Call((0,)))
    assert not is_final(BudgetGuard(Silent(), 5.0), began(0.0), Call((0,)))
