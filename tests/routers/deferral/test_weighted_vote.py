from math import inf, log, nan

import pytest

from anabranch.routers.deferral.state import Candidate
from anabranch.routers.deferral.weighted_vote import WeightedVote, optimal_weight
from tests.routers.deferral.fusers import picked


def test_the_weight_by_hand() -> None:
    """K = 2: log(0.9 / 0.1) = log 9. K = 4: log(3 * 0.5 / 0.5) = log 3. Chance, 1/K, and what is worse weigh 0."""
    assert optimal_weight(0.9, 2) == pytest.approx(log(9))
    assert optimal_weight(0.5, 4) == pytest.approx(log(3))
    assert (optimal_weight(0.5, 2), optimal_weight(0.25, 4), optimal_weight(0.01, 4)) == (0.0, 0.0, 0.0)


@pytest.mark.parametrize("choices", [2.0, 4.0, 11.0])
def test_the_likelier_answer_wins(choices: float) -> None:
    """One model right on x against two right on y, wrong answers being equally likely: the odds decide by hand.

    a is right with the odds x / ((1 - x) / (K - 1)) against those of b, y^2 / ((1 - y) / (K - 1))^2.
    """
    said = [Candidate(0, 0, "a"), Candidate(1, 0, "b"), Candidate(2, 0, "b")]
    for x, y in ((0.95, 0.7), (0.9, 0.8), (0.99, 0.8), (0.8, 0.6)):
        fuser = WeightedVote(tuple(optimal_weight(accuracy, choices) for accuracy in (x, y, y)))
        of_a, of_b = (choices - 1) * x / (1 - x), ((choices - 1) * y / (1 - y)) ** 2
        found = picked(fuser, said)
        assert found is not None and found.key == ("a" if of_a > of_b else "b")


def test_a_model_that_weighs_nothing_breaks_ties_at_most() -> None:
    """a and b weigh 1 each: with the count of the third model a leads, and b of weight 1.1 leads all the same."""
    said = [Candidate(0, 0, "a"), Candidate(1, 0, "b"), Candidate(2, 0, "a")]
    keys = [one.key for weight in (1.0, 1.1) if (one := picked(WeightedVote((1.0, weight, 0.0)), said))]
    assert keys == ["a", "b"]


@pytest.mark.parametrize("weight", [-0.1, inf, nan])
def test_weights_that_make_no_sense_are_refused(weight: float) -> None:
    with pytest.raises(ValueError, match="must be 0 or more, and finite"):
        WeightedVote((1.0, weight))
