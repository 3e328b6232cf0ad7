from math import nan
from random import Random

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from anabranch.routers.deferral.endings import NO_ANSWER
from anabranch.routers.deferral.state import Answer, Candidate, State
from anabranch.routers.deferral.votes import clusters, places_of, plurality, speaker, voted


def state(*candidates: Candidate, quality: tuple[float, ...] = (nan, nan, nan)) -> State:
    return State(candidates, np.array(quality), np.ones(len(quality)), u=0.5)


def test_failed_and_unreadable_ones_vote_for_nobody_and_count_among_those_asked() -> None:
    """Of five asked, two say b, one says a, one nothing, one failed (and its key is not read): share 2/5."""
    said = state(
        Candidate(0, 0, "b"),
        Candidate(0, 1),
        Candidate(1, 0, "a", failed=True),
        Candidate(1, 1, "b"),
        Candidate(2, 0, "a"),
    )
    assert clusters(said, range(5)) == {"b": (0, 3), "a": (4,)}
    vote = plurality(said, range(5))
    assert vote is not None and (vote.winners, vote.pick, vote.share) == ((0, 3), 0, 0.4)
    assert places_of(said, {1}) == (2, 3)


def test_nothing_never_equals_nothing() -> None:
    assert plurality(state(Candidate(0), Candidate(1)), range(2)) is None
    assert plurality(state(), ()) is None


def test_ties_go_to_the_models_thought_better_then_to_the_cheaper_then_to_the_smaller_key() -> None:
    better = state(Candidate(0, key="a"), Candidate(1, key="b", cost_usd=9.0), quality=(0.5, 0.9))
    cheaper = state(Candidate(0, key="a", cost_usd=2.0), Candidate(1, key="b", cost_usd=1.0), quality=(0.5, 0.5))
    priced = state(Candidate(0, key="a", cost_usd=nan), Candidate(1, key="b", cost_usd=9.0))
    smaller = state(Candidate(0, key=10), Candidate(1, key=9))
    picks = [vote.pick for one in (better, cheaper, priced, smaller) if (vote := plurality(one, range(2)))]
    assert picks == [1, 1, 1, 1]


def test_sums_that_tie_do_not_tell_the_order_in_which_they_were_added() -> None:
    """In floating point 0.1 + 0.2 + 0.3 is more than 0.3 + 0.2 + 0.1; both are the same priors and costs, so a wins."""
    values = (0.1, 0.2, 0.3)
    named = [(model, "b") for model in (0, 1, 2)] + [(model, "a") for model in (2, 1, 0)]
    said = [Candidate(model, sample, key, cost_usd=values[model]) for sample, (model, key) in enumerate(named)]
    assert sum(values) > sum(values[::-1])
    for candidates in (said, said[::-1]):
        vote = plurality(state(*candidates, quality=values), range(6))
        assert vote is not None and candidates[vote.pick].key == "a"


def test_weights_of_models_decide_before_the_count() -> None:
    """Two votes of weight 0.4 lose against one of 1; where all weigh nothing, the count decides."""
    said = state(Candidate(0, 0, "a"), Candidate(0, 1, "a"), Candidate(1, 0, "b"))
    heavy, nothing = plurality(said, range(3), {0: 0.4, 1: 1.0}), plurality(said, range(3), {0: 0.0, 1: 0.0})
    assert heavy is not None and heavy.pick == 2
    assert nothing is not None and nothing.winners == (0, 1)


def test_the_speaker_is_of_the_best_model_then_the_cheapest() -> None:
    same = state(
        Candidate(0, cost_usd=1.0), Candidate(1, 0, cost_usd=3.0), Candidate(1, 1, cost_usd=2.0), quality=(0.2, 0.7)
    )
    assert speaker(same, range(3)) == 2


def test_who_has_no_key_still_answers_if_nobody_else_does() -> None:
    said = state(Candidate(0, key="a"), Candidate(1), Candidate(2, failed=True))
    assert voted(said, [1, 2], "end") == Answer(1, "end")
    assert voted(said, [2], "end") == Answer(0, "end")
    assert voted(state(Candidate(0, failed=True)), [0], "end") == NO_ANSWER


candidates = st.lists(
    st.tuples(
        st.integers(0, 2), st.sampled_from([None, 1, 2, 3]), st.sampled_from([0.1, 0.2, 0.7, nan]), st.booleans()
    ),
    min_size=1,
    max_size=8,
)


@given(candidates, st.randoms(use_true_random=False), st.sampled_from([None, {0: 0.1, 1: 0.2, 2: 0.3}]))
@settings(max_examples=30, deadline=None)
def test_the_order_of_candidates_changes_nothing(
    drawn: list[tuple[int, int | None, float, bool]], random: Random, weights: dict[int, float] | None
) -> None:
    said = [
        Candidate(model, sample, key, cost_usd=cost_usd, failed=failed)
        for sample, (model, key, cost_usd, failed) in enumerate(drawn)
    ]
    shuffled = random.sample(said, len(said))
    here, there = (state(*each, quality=(0.1, 0.7, nan)) for each in (said, shuffled))
    vote, other = (plurality(each, range(len(said)), weights) for each in (here, there))
    assert (vote is None) == (other is None)
    if vote is not None and other is not None:
        assert said[vote.pick] is shuffled[other.pick] and vote.share == other.share
    action, mirrored = voted(here, range(len(said)), "end", weights), voted(there, range(len(said)), "end", weights)
    if isinstance(action, Answer) and isinstance(mirrored, Answer) and vote is not None:
        assert said[action.pick] is shuffled[mirrored.pick]
    assert type(action) is type(mirrored)
