"""What holds for every fuser of answers that vote."""

from dataclasses import replace
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anabranch.routers.deferral.fuser import Fuser
from anabranch.routers.deferral.isp import ISP
from anabranch.routers.deferral.majority import Majority
from anabranch.routers.deferral.registry import from_plain, to_plain
from anabranch.routers.deferral.state import Candidate, State
from anabranch.routers.deferral.weighted_vote import WeightedVote
from tests.routers.deferral.fusers import FUSERS, MODELS, SAID, Said, candidates, picked, state

each = pytest.mark.parametrize("name", FUSERS)


@each
@given(said=SAID, random=st.randoms(use_true_random=False))
@settings(max_examples=40, deadline=None)
def test_the_order_of_candidates_changes_nothing(name: str, said: list[Said], random: Random) -> None:
    answers = candidates(said)
    assert picked(FUSERS[name], answers) is picked(FUSERS[name], random.sample(answers, len(answers)))


@each
@given(said=SAID, order=st.permutations(range(MODELS)))
@settings(max_examples=40, deadline=None)
def test_models_may_have_other_numbers(name: str, said: list[Said], order: list[int]) -> None:
    """With all that is known of them; models are told apart here by their quality, or else the numbers break ties."""
    answers, quality = candidates(said), (0.2, 0.5, 0.3)
    renamed = [replace(one, model=order.index(one.model)) for one in answers]
    here = FUSERS[name].pick(state(answers, quality), range(len(answers)))
    there = renumbered(FUSERS[name], order).pick(
        state(renamed, [quality[model] for model in order]), range(len(answers))
    )
    assert here == there


def renumbered(fuser: Fuser, order: list[int]) -> Fuser:
    """Model `order[n]` becomes number n."""
    if isinstance(fuser, Majority):
        return Majority(tuple(fuser.quality[model] for model in order if fuser.quality))
    if isinstance(fuser, WeightedVote):
        return WeightedVote(tuple(fuser.weights[model] for model in order))
    assert isinstance(fuser, ISP)
    return ISP(tuple(tuple(fuser.agreement[one][other] for other in order) for one in order), fuser.choices)


@each
@given(said=SAID)
@settings(max_examples=40, deadline=None)
def test_answers_may_be_called_otherwise(name: str, said: list[Said]) -> None:
    """Names that sort alike, as the smaller key is the last of tie breaks: a, b, c become 10, 20, 30."""
    answers, number = candidates(said), {None: None, "a": 10, "b": 20, "c": 30}
    numbered = [replace(one, key=number[str(one.key) if one.key else None]) for one in answers]
    places = range(len(answers))
    assert FUSERS[name].pick(state(answers), places) == FUSERS[name].pick(state(numbered), places)


@each
@given(said=SAID)
@settings(max_examples=40, deadline=None)
def test_it_picks_one_that_says_something_if_any_does(name: str, said: list[Said]) -> None:
    answers = candidates(said)
    found, heard = picked(FUSERS[name], answers), [one for one in answers if one.key is not None and not one.failed]
    assert (found is None) == (not heard)
    assert found is None or found in heard
    # who says nothing, or failed, is as if not there
    assert picked(FUSERS[name], heard) is found if heard else found is None


@each
@given(said=SAID)
@settings(max_examples=40, deadline=None)
def test_one_more_vote_for_the_winner_does_not_unseat_it(name: str, said: list[Said]) -> None:
    """Not of ISP, where one more voter changes what the others' votes foretell."""
    answers = candidates(said)
    found = picked(FUSERS[name], answers)
    if found is None or isinstance(FUSERS[name], ISP):
        return
    again = picked(FUSERS[name], [*answers, replace(found, sample=len(answers))])
    assert again is not None and again.key == found.key


@each
def test_all_of_one_mind(name: str) -> None:
    said = [Candidate(model, key="a", cost_usd=1.0) for model in range(MODELS)]
    found = picked(FUSERS[name], said)
    assert found is not None and found.key == "a"


@each
def test_a_single_answer_is_picked(name: str) -> None:
    for model in range(MODELS):
        assert picked(FUSERS[name], [Candidate(model, key="a")]) == Candidate(model, key="a")
    assert picked(FUSERS[name], [Candidate(0), Candidate(1, key="a", failed=True)]) is None


@each
def test_as_json_and_back(name: str) -> None:
    assert from_plain(to_plain(FUSERS[name])) == FUSERS[name]


@given(said=SAID, weight=st.sampled_from([0.0, 0.1, 1.0, 3.5]))
@settings(max_examples=60, deadline=None)
def test_equal_weights_and_models_that_foretell_nothing_are_a_majority(said: list[Said], weight: float) -> None:
    """ISP with the agreement of chance, 1/4 of four answers, weighs every vote 1."""
    answers = candidates(said)
    expected = picked(Majority(), answers)
    assert picked(WeightedVote((weight,) * MODELS), answers) is expected
    assert picked(ISP(((0.25,) * MODELS,) * MODELS, 4.0), answers) is expected


@given(said=SAID, times=st.sampled_from([0.25, 2.0, 64.0]))
@settings(max_examples=40, deadline=None)
def test_weights_in_another_unit_change_nothing(said: list[Said], times: float) -> None:
    answers = candidates(said)
    scaled = WeightedVote(tuple(times * weight for weight in (0.5, 0.25, 1.0)))
    assert picked(scaled, answers) is picked(WeightedVote((0.5, 0.25, 1.0)), answers)


def test_a_second_sample_is_a_second_vote() -> None:
    """Against b and c, each said once, a is said twice by one model; weights 0.4 twice beat 0.5 as well."""
    said = [Candidate(0, 0, "a"), Candidate(1, 0, "b"), Candidate(2, 0, "c")]
    twice = [*said, Candidate(0, 1, "a")]
    for fuser in (Majority((0.1, 0.9, 0.5)), WeightedVote((0.4, 0.5, 0.5))):
        first, second = picked(fuser, said), picked(fuser, twice)
        assert first is not None and second is not None
        assert (first.key, second.key) == ("b", "a")


def test_fusers_are_pure() -> None:
    assert all(isinstance(hash(fuser), int) for fuser in FUSERS.values())
    here: State = state(candidates([(0, "a", 0.1, False), (1, "b", 0.2, False)]))
    for fuser in FUSERS.values():
        assert fuser.pick(here, range(2)) == fuser.pick(here, range(2))
