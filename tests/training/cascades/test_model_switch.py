from anabranch.routers.deferral.model_switch import ModelSwitch as Switch
from anabranch.training.cascades.frontier import frontier_of
from anabranch.training.cascades.model_switch import ModelSwitch
from tests.training.cascades.voters import ground_of_keys, random_voters


def test_all_samples_of_both_models_vote_where_the_first_is_in_doubt() -> None:
    """On the first of two prompts the small model says 2, 3, 1 and the large one 1, 1, 4: three say 1.

    On the second both are sure of 1. For 3 + 3 * 4 / 2 = 9 all is right.
    """
    ground = ground_of_keys([[[2, 3, 1], [1, 1, 4]], [[1, 1, 1], [1, 1, 1]]], [1, 4])
    found = [one for one in ModelSwitch().policies(ground) if isinstance(one, Switch) and one.samples == 3]
    best = frontier_of(found, ground)[-1]
    assert (best.policy.models, best.quality, best.cost_usd) == ((0, 1), 1.0, 9.0)


def test_pairs_and_all_models_in_a_row() -> None:
    found = [one for one in ModelSwitch(depth=3, shares=1).policies(random_voters()) if isinstance(one, Switch)]
    assert {one.models for one in found} == {(0, 2), (0, 3), (2, 3), (0, 2, 3)}
    assert {(one.samples, one.tau) for one in found} == {(3, 1.0), (5, 1.0)}
    assert all(one.weighted for one in ModelSwitch(weighted=True).policies(random_voters()) if isinstance(one, Switch))
