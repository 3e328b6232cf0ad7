import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anabranch.routers.deferral.best_of_infinity import BestOfInfinity
from anabranch.routers.deferral.state import Call, State
from anabranch.training.cascades.best_of_inf import BestOfInf, draws_within
from anabranch.training.cascades.frontier import frontier_of
from tests.training.cascades.voters import ground_of_keys, random_voters


def test_it_draws_until_an_answer_leads() -> None:
    """Of five samples of one model three say 1 and two differ: any single one is right on 3/5, all in a vote always.

    Only the last model of a line-up must be better, so the dear one, with as many samples, is right more often.
    """
    ground = ground_of_keys([[[1, 1, 1, 2, 3], [1, 1, 1, 1, 2]]] * 20, [1, 100])
    stops = frontier_of(BestOfInf(bayes_factors=(1e9,)).policies(ground), ground)
    assert (1.0, 5.0) in [(stop.quality, stop.cost_usd) for stop in stops]


@given(models=st.integers(1, 4), samples=st.integers(1, 6), u=st.floats(0, 1, exclude_max=True))
@settings(max_examples=60, deadline=None)
def test_no_draw_asks_for_what_is_not_recorded(models: int, samples: int, u: float) -> None:
    """Whatever the prompt draws; and as samples are spread evenly, few are left: at most two of each model."""
    names = tuple(range(models))
    most = draws_within(names, samples)
    unknown = np.full(models, np.nan)
    call = BestOfInfinity(names, checks=(most,)).decide(State((), unknown, unknown, u))
    assert isinstance(call, Call) and max(map(call.models.count, names)) <= samples
    assert most >= models * (samples - 2)


def test_single_models_neighbours_and_all() -> None:
    found = [one for one in BestOfInf(depth=3).policies(random_voters()) if isinstance(one, BestOfInfinity)]
    assert list(dict.fromkeys(one.models for one in found)) == [(0,), (2,), (3,), (0, 2), (2, 3), (0, 2, 3)]
    assert {one.bayes_factor for one in found} == {5.0, 30.0, 300.0}
    assert {one.checks for one in found if len(one.models) == 1} == {(1, 2, 3, 4, 5)}


def test_a_single_sample_is_too_few() -> None:
    with pytest.raises(ValueError, match="'m0' has 1 answers to some prompt, and 2 to every prompt are needed"):
        list(BestOfInf().policies(random_voters(samples=1)))
