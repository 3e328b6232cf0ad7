import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from anabranch.routers.deferral.semantic_agreement import SemanticAgreement
from anabranch.routers.deferral.state import Answer, Call, Candidate, State


def after(keys: str, *more: Candidate) -> State:
    """One small model a letter; a dot says nothing."""
    said = [Candidate(model, key=None if key == "." else key) for model, key in enumerate(keys)]
    return State((*said, *more), np.ones(9), np.ones(9), u=0.0)


def test_mean_agreement_is_over_pairs_and_max_over_the_others_of_one() -> None:
    """a a a b: of six pairs three are alike; the others of an a are alike in two of three."""
    mean, most = SemanticAgreement((0, 1, 2, 3, 4)), SemanticAgreement((0, 1, 2, 3, 4), form="max")
    assert (mean.agreement(after("aaab")), most.agreement(after("aaab"))) == (0.5, 2 / 3)
    assert (mean.agreement(after("...a")), most.agreement(after("...."))) == (0.0, 0.0)
    assert (mean.agreement(after("cccc")), most.agreement(after("cccc"))) == (1.0, 1.0)


def test_it_keeps_the_most_central_answer_or_calls_the_big_model() -> None:
    policy = SemanticAgreement((0, 1, 2, 3), tau=0.33)
    assert policy.decide(after("")) == Call((0, 1, 2), "first")
    assert policy.decide(after("baa")) == Answer(1, "agree")
    assert policy.decide(after("abc")) == Call((3,), "disagree")
    assert SemanticAgreement((0, 1, 2, 3), tau=0.34).decide(after("baa")) == Call((3,), "disagree")


def test_without_any_answer_the_big_model_is_called_whatever_tau() -> None:
    assert SemanticAgreement((0, 1, 2), tau=0.0).decide(after("..")) == Call((2,), "disagree")


def test_the_big_model_answers_and_if_it_fails_the_small_ones_do() -> None:
    policy = SemanticAgreement((0, 1, 2), tau=0.5)
    assert policy.decide(after("ab", Candidate(2))) == Answer(2, "big")
    assert policy.decide(after("ab", Candidate(2, failed=True))) == Answer(0, "big")


@given(st.text("ab.", min_size=2, max_size=6))
def test_agreement_is_the_mean_of_the_similarities_by_pairs(keys: str) -> None:
    size = len(keys)
    alike = [[one != "." and one == other for other in keys] for one in keys]
    per_row = [sum(row[j] for j in range(size) if j != i) / (size - 1) for i, row in enumerate(alike)]
    models = tuple(range(size + 1))
    assert SemanticAgreement(models).agreement(after(keys)) == pytest.approx(np.mean(per_row))
    assert SemanticAgreement(models, form="max").agreement(after(keys)) == pytest.approx(max(per_row))


def test_a_single_small_model_has_nobody_to_agree_with() -> None:
    with pytest.raises(ValueError, match="at least two small ones and a big one"):
        SemanticAgreement((0, 1))
