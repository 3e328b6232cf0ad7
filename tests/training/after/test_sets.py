import numpy as np
import pytest

from anabranch.data.replay_table import ReplayTable
from anabranch.routers.deferral.majority import Majority
from anabranch.training.after.sets import best_first, complementary, sets_of
from tests.training.cascades.grounds import ground_of
from tests.training.cascades.voters import ground_of_keys, random_voters

COMPLETING = [
    # wren, jay, owl, crow: the owl is the best, and jay and crow are right where another of the three is
    [[2], [1], [1], [3]],
    [[2], [2], [1], [1]],
    [[2], [1], [2], [1]],
    [[2], [2], [1], [3]],
    [[1], [1], [1], [3]],
    [[1], [3], [1], [1]],
]


def test_models_by_quality_of_equals_the_cheaper() -> None:
    ground = ground_of_keys([[[1], [1], [2]], [[2], [2], [2]]], [5, 1, 9])
    assert best_first(ground) == (1, 0, 2)


def test_the_next_model_is_the_one_that_helps_most() -> None:
    """The owl is right on five of six, then jay and crow on three each, the wren on two.

    Any second model leaves 5/6, so the second best comes, the cheaper of two: the jay. With the crow third, all six
    prompts have two right answers or the owl's word; with the wren the third prompt is lost.
    """
    ground = ground_of_keys(COMPLETING, [1, 2, 4, 3])
    fuser = Majority((2 / 6, 3 / 6, 5 / 6, 3 / 6))
    assert complementary(ground, fuser, 3) == (2, 1, 3)
    assert complementary(ground, fuser, 9) == (2, 1, 3, 0)


def test_neighbours_the_best_and_those_that_complete_each_other() -> None:
    """By price wren, jay, crow, owl (numbers 0, 1, 3, 2): pairs and triples of neighbours, then the best ones.

    Best first are the owl, jay, crow, wren; completing each other as above, which are the same models.
    """
    ground = ground_of_keys(COMPLETING, [1, 2, 4, 3])
    fuser = Majority((2 / 6, 3 / 6, 5 / 6, 3 / 6))
    singles, pairs, triples = [(0,), (1,), (3,), (2,)], [(0, 1), (1, 3), (2, 3)], [(0, 1, 3), (1, 2, 3)]
    assert sets_of(ground, fuser, 3, 9) == [*singles, *pairs, *triples, (1, 2)]


def test_neighbours_are_thinned_out_and_every_set_is_there_once() -> None:
    found = sets_of(random_voters(models=6, samples=1), Majority(), 4, 2)
    assert len(found) == len(set(found)) and all(models == tuple(sorted(models)) for models in found)
    for size in (1, 2, 3, 4):
        assert 1 <= sum(len(models) == size for models in found) <= 4
    assert max(map(len, found)) == 4


def test_of_few_models_there_are_few_sets() -> None:
    assert sets_of(random_voters(models=1), Majority(), 4, 6) == [(0,)]


@pytest.mark.parametrize(("depth", "groups"), [(0, 1), (1, 0)])
def test_no_set_is_refused(depth: int, groups: int) -> None:
    with pytest.raises(ValueError, match=f"depth {depth}, groups {groups}"):
        sets_of(random_voters(models=2), Majority(), depth, groups)


def test_the_order_of_models_changes_no_set() -> None:
    ground = random_voters(models=5, samples=1)
    order = [3, 0, 4, 1, 2]
    table = ground.table
    moved = ground_of(
        ReplayTable.from_arrays(
            [table.models[model] for model in order],
            table.quality[:, order],
            cost_usd=table.cost_usd[:, order],
            key=table.key[:, order],
            texts=table.texts,
        )
    )
    quality = np.nanmean(table.quality, axis=(0, 2))
    here = sets_of(ground, Majority(tuple(quality.tolist())), 3, 9)
    there = sets_of(moved, Majority(tuple(quality[order].tolist())), 3, 9)
    assert {frozenset(models) for models in here} == {frozenset(order[model] for model in models) for models in there}
