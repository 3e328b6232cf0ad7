from math import inf, nan

import numpy as np
import pytest

from anabranch.routers.deferral.state import Abstain, Answer, Call, Candidate, State
from anabranch.routers.deferral.threshold_chain import ThresholdChain

CHAIN = ThresholdChain((2, 0, 1), (0.5, 0.8), "sure")


def state(*candidates: Candidate) -> State:
    return State(candidates, np.full(3, nan), np.ones(3), u=0.0)


def said(model: int, sure: float | None) -> Candidate:
    return Candidate(model, signals={} if sure is None else {"sure": sure})


def test_models_are_called_in_order_until_one_is_sure() -> None:
    assert CHAIN.decide(state()) == Call((2,), "first")
    assert CHAIN.decide(state(said(2, 0.4))) == Call((0,), "unsure")
    assert CHAIN.decide(state(said(2, 0.4), said(0, 0.8))) == Answer(1, "sure")
    assert CHAIN.decide(state(said(2, 0.4), said(0, 0.7))) == Call((1,), "unsure")
    assert CHAIN.decide(state(said(2, 0.4), said(0, 0.7), said(1, 0.0))) == Answer(2, "last")


@pytest.mark.parametrize("sure", [None, nan])
def test_an_unknown_signal_is_not_sure_whatever_the_threshold(sure: float | None) -> None:
    chain = ThresholdChain((0, 1), (-inf,), "sure")
    assert chain.decide(state(said(0, sure))) == Call((1,), "unsure")
    assert chain.decide(state(said(0, -1e9))) == Answer(0, "sure")


def test_failures_lead_on_and_the_latest_answer_will_do() -> None:
    failed = Candidate(2, signals={"sure": 1.0}, failed=True)
    assert CHAIN.decide(state(failed)) == Call((0,), "unsure")
    dead = [Candidate(model, failed=True) for model in (2, 0, 1)]
    assert CHAIN.decide(state(dead[0], said(0, 0.1), dead[2])) == Answer(1, "last")
    assert isinstance(CHAIN.decide(state(*dead)), Abstain)


def test_thresholds_belong_to_models() -> None:
    with pytest.raises(ValueError, match="3 models need 2 thresholds, not 1"):
        ThresholdChain((0, 1, 2), (0.5,), "sure")
