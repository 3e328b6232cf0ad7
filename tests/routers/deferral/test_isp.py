from collections import Counter
from math import nan

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anabranch.routers.deferral.isp import ISP
from anabranch.routers.deferral.majority import Majority
from anabranch.routers.deferral.state import Candidate
from tests.routers.deferral.fusers import AGREEMENT, MODELS, picked, state


def scores(votes: list[tuple[int, int]], agreement: tuple[tuple[float, ...], ...], choices: int) -> list[float]:
    """The rule as the paper has it, answer by answer, from tables of who says what where another says what.

    Of answer s, how many say it, less the sum over voters i of the mean over other voters j, and over answers a' that j
    did not give, of how often i says s where j says a'.
    """
    keys = range(choices)

    def table(i: int, j: int, s: int, said: int) -> float:
        rate = agreement[votes[i][0]][votes[j][0]]
        return rate if s == said else (1 - rate) / (choices - 1)

    found = []
    for s in keys:
        expected = 0.0
        for i in range(len(votes)):
            others = [j for j in range(len(votes)) if j != i]
            each = [np.mean([table(i, j, s, said) for said in keys if said != votes[j][1]]) for j in others]
            expected += float(np.mean(each)) if each else 0.0
        found.append(sum(key == s for _, key in votes) - expected)
    return found


VOTES = st.lists(st.tuples(st.integers(0, MODELS - 1), st.integers(0, 1)), min_size=2, max_size=6)


@given(votes=VOTES, choices=st.sampled_from([2, 3, 4]))
@settings(max_examples=60, deadline=None)
def test_it_is_a_vote_with_these_weights(votes: list[tuple[int, int]], choices: int) -> None:
    """Scores less summed weights are the same for all answers."""
    voters, fuser = Counter(model for model, _ in votes), ISP(AGREEMENT, choices)
    weighed = [sum(fuser.weight(model, voters) for model, key in votes if key == s) for s in range(choices)]
    rest = np.array(scores(votes, AGREEMENT, choices)) - weighed
    assert rest == pytest.approx(np.full(choices, rest[0]), abs=1e-9)


@given(votes=VOTES)
@settings(max_examples=60, deadline=None)
def test_the_pick_has_the_highest_score(votes: list[tuple[int, int]]) -> None:
    said = [Candidate(model, sample, key) for sample, (model, key) in enumerate(votes)]
    found, expected = picked(ISP(AGREEMENT, 2), said), scores(votes, AGREEMENT, 2)
    assert found is not None and isinstance(found.key, int)
    assert expected[found.key] == pytest.approx(max(expected), abs=1e-9)


def test_the_weights_by_hand() -> None:
    """K = 2, models 0, 1 and 2: 1 + mean(2 * 0.7 - 1, 2 * 0.2 - 1) = 0.9 for model 0, 1.1 and 0.6 for the others.

    Of two samples of model 0 and one of model 1, each of the two weighs 1 + mean(2 * 0.9 - 1, 2 * 0.7 - 1) = 1.6.
    """
    fuser = ISP(AGREEMENT, 2)
    all_three = [fuser.weight(model, {0: 1, 1: 1, 2: 1}) for model in range(3)]
    assert all_three == pytest.approx([0.9, 1.1, 0.6])
    assert fuser.weight(0, {0: 2, 1: 1}) == pytest.approx(1.6)
    assert fuser.weight(0, {0: 1}) == 1.0
    assert ISP(AGREEMENT, 4).weight(0, {0: 1, 1: 1}) == pytest.approx(1 + 1.8 / 9)


def test_it_may_overrule_a_majority() -> None:
    """Of two answers, 0 weighs 1 + mean(1, -1, -1) = 2/3 and so does 1; 2 and 3 weigh 1 + mean(-1, -1, -1) = 0.

    So a, said by 0 alone, beats b, said by 2 and 3; a majority would not think so.
    """
    apart = ((1.0, 1.0, 0.0, 0.0), (1.0, 1.0, 0.0, 0.0), (0.0, 0.0, 1.0, 0.0), (0.0, 0.0, 0.0, 1.0))
    said = [Candidate(0, 0, "a"), Candidate(1, 0, "c"), Candidate(2, 0, "b"), Candidate(3, 0, "b")]
    fuser, four = ISP(apart, 2), (0.9, 0.5, 0.5, 0.5)
    voters = dict.fromkeys(range(4), 1)
    assert [fuser.weight(model, voters) for model in voters] == pytest.approx([2 / 3, 2 / 3, 0, 0])
    assert fuser.pick(state(said, four), range(4)) == 0
    assert Majority().pick(state(said, four), range(4)) in (2, 3)


@pytest.mark.parametrize("agreement", [((0.5,), (0.5,)), ((1.5,),), ((nan,),)])
def test_tables_that_make_no_sense_are_refused(agreement: tuple[tuple[float, ...], ...]) -> None:
    with pytest.raises(ValueError, match="must have a rate in"):
        ISP(agreement, 2)


def test_there_must_be_a_choice() -> None:
    with pytest.raises(ValueError, match="there must be 2 at least"):
        ISP(AGREEMENT, 1.5)
