from anabranch.routers.deferral.majority import Majority
from anabranch.routers.deferral.state import Candidate
from tests.routers.deferral.fusers import picked, state


def test_more_votes_win_and_equal_ones_go_to_the_better_model() -> None:
    """2 of a against 1 of b; at 1 against 1 the model known to be better, whatever the state thinks of them."""
    said = [Candidate(0, 0, "a", cost_usd=9.0), Candidate(1, 0, "b", cost_usd=1.0)]
    assert Majority((0.6, 0.5)).pick(state(said, (0.1, 0.9)), range(2)) == 0
    assert Majority((0.5, 0.6)).pick(state(said, (0.9, 0.1)), range(2)) == 1
    fuser = Majority((0.5, 0.6, 0.1))
    assert fuser.pick(state([*said, Candidate(2, 0, "a")], (0.1, 0.9, 0.1)), range(3)) == 0


def test_without_qualities_the_estimates_of_the_state_break_ties() -> None:
    said = [Candidate(0, 0, "a"), Candidate(1, 0, "b")]
    assert Majority().pick(state(said, (0.9, 0.1)), range(2)) == 0
    assert Majority().pick(state(said, (0.1, 0.9)), range(2)) == 1


def test_of_those_that_say_the_same_the_better_model_speaks() -> None:
    said = [Candidate(0, 0, "a"), Candidate(1, 0, "a"), Candidate(2, 0, "b")]
    assert picked(Majority((0.5, 0.6, 0.9)), said) is said[1]
