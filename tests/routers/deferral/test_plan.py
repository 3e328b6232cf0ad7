"""A plan's knob, and its way through JSON and back."""

from collections.abc import Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from anabranch.routers.deferral.answered import Answered, with_signals
from anabranch.routers.deferral.automix import AutoMix
from anabranch.routers.deferral.cascade_routing import CascadeRouting
from anabranch.routers.deferral.chance import Chance
from anabranch.routers.deferral.deferral import Deferral
from anabranch.routers.deferral.gaussian_belief import GaussianBelief
from anabranch.routers.deferral.plan import Plan, Stop
from anabranch.routers.deferral.registry import from_plain, to_plain
from anabranch.routers.deferral.scorer import Scorer
from anabranch.routers.deferral.settings import CascadeSettings
from anabranch.routers.deferral.signal_maps import Sigmoid, Steps
from anabranch.routers.deferral.threshold_chain import ThresholdChain
from anabranch.routers.deferral.time_sharing import TimeSharing

INF = float("inf")
BELIEF = GaussianBelief(("sure",), (0.5,), (0.5, 0.0), ((1.0,), (0.0,)), ((0.04, 0.1), (0.1, 1.0)))
CHEAP, DEAR = (ThresholdChain((0, 1), (level,), "chance") for level in (-INF, INF))
SIGNALS = (
    Scorer("scorer", "scorer"),
    Chance("chance", "scorer", (Steps((-1.0, 0.0), (0.25, 0.75)), Sigmoid(1.0, 0.0))),
)


def plan(*policies: Deferral) -> Plan:
    stops = tuple(Stop(policy, 0.5 + 0.1 * place, float(place)) for place, policy in enumerate(policies))
    return Plan("p", ("small", "large"), stops, SIGNALS, (1.0, float("nan")), 0.5, "number")


def sure(answers: Sequence[Answered]) -> NDArray[np.float32]:
    return np.ones(len(answers), np.float32)


def settings_of(given: Plan) -> CascadeSettings:
    return CascadeSettings.of(given, recipe="r", recipe_settings={}, target="best-single", routing_text_version="1")


def read_back(given: Plan) -> Plan:
    return CascadeSettings.model_validate_json(settings_of(given).model_dump_json()).plan("p", {"scorer": sure})


@pytest.mark.parametrize(
    ("tradeoff", "place"), [(0.0, 0), (0.24, 0), (0.25, 1), (0.5, 1), (0.74, 1), (0.75, 2), (1.0, 2)]
)
def test_the_knob_chooses_the_nearest_stop(tradeoff: float, place: int) -> None:
    """Three stops lie at 0, 1/2 and 1; halfway between two, the dearer is taken."""
    assert plan(CHEAP, DEAR, CHEAP).place(tradeoff) == place


def test_every_stop_has_its_trade_off() -> None:
    three = plan(CHEAP, DEAR, CHEAP)
    assert three.knobs() == (0.0, 0.5, 1.0)
    assert [three.place(knob) for knob in three.knobs()] == [0, 1, 2]
    assert plan(CHEAP).knobs() == (1.0,)


@pytest.mark.parametrize(
    "policy",
    [
        CHEAP,
        DEAR,
        AutoMix((0, 1), (True, False), "verify", ("inf", 3)),
        TimeSharing(CHEAP, DEAR, 0.25),
        CascadeRouting((0,), BELIEF, lam=0.5, gamma=0.25),
    ],
)
def test_policies_survive_json(policy: Deferral) -> None:
    """A key that reads "inf" stays a text, and a threshold that is infinite stays a number."""
    assert read_back(plan(policy)).policy() == policy


def test_unknown_costs_and_signals_survive_json() -> None:
    again = read_back(plan(CHEAP, DEAR))
    assert again.usual_cost_usd[0] == 1.0
    assert np.isnan(again.usual_cost_usd[1])
    assert again.signals == SIGNALS
    assert again.answers == "number"


def test_signals_read_those_before_them() -> None:
    """A scorer's 1.0 is on the last step of the first model's map, 0.75, and 1 / (1 + e^-1) = 0.731 on the second's."""
    again = read_back(plan(CHEAP))
    answers = [Answered(model, "2 + 2?", "4", {}) for model in (0, 1)]
    known = with_signals(again.signals, answers)
    assert [one.signals["chance"] for one in known] == pytest.approx([0.75, 0.7310586])
    assert answers[0].signals == {}


def test_an_unknown_signal_is_not_there() -> None:
    chance = Chance("chance", "scorer", (Sigmoid(1.0, 0.0),))
    assert with_signals([chance], [Answered(0, "", "", {})])[0].signals == {}


def test_a_scorer_must_be_loaded() -> None:
    with pytest.raises(ValueError, match="scorer of signal 'scorer' was not loaded"):
        SIGNALS[0]([])
    settings = settings_of(plan(CHEAP))
    with pytest.raises(ValueError, match="signal 'scorer' needs the scorer 'scorer'; there are \\[\\]"):
        settings.plan("p", {})


def test_only_registered_parts_are_made() -> None:
    """A bundle names no code of its own choosing."""
    with pytest.raises(ValueError, match="unknown part of a cascade 'subprocess:run'"):
        from_plain({"kind": "subprocess:run", "args": ["true"]})
    with pytest.raises(ValueError, match="cannot be made of"):
        from_plain({"kind": "threshold-chain", "models": [0]})
    with pytest.raises(ValueError, match="is no registered part"):
        to_plain(Stop(CHEAP, 0.0, 0.0))


def test_a_plan_needs_a_policy_and_a_cost_for_each_model() -> None:
    with pytest.raises(ValueError, match="has no policy"):
        Plan("p", ("a",), ())
    with pytest.raises(ValueError, match="1 costs for 2 models"):
        Plan("p", ("a", "b"), (Stop(CHEAP, 0.0, 0.0),), usual_cost_usd=(1.0,))
    with pytest.raises(ValueError, match=r"must lie in \[0, 1\]"):
        plan(CHEAP).at(2.0)
