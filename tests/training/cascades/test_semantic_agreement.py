import pytest

from anabranch.routers.deferral.semantic_agreement import SemanticAgreement as Agreement
from anabranch.routers.deferral.threshold_chain import ThresholdChain
from anabranch.training.cascades.frontier import frontier_of
from anabranch.training.cascades.semantic_agreement import SemanticAgreement
from tests.training.cascades.voters import ground_of_keys, random_voters


def test_small_models_that_agree_are_believed() -> None:
    """Both small ones say 1 on the first prompt and differ on the second; the big one says 1: 2 + 10 / 2 = 7."""
    ground = ground_of_keys([[[1], [1], [1]], [[2], [3], [1]]], [1, 1, 10])
    best = frontier_of(SemanticAgreement().policies(ground), ground)[-1]
    assert (best.policy, best.quality, best.cost_usd) == (Agreement((0, 1, 2), 1.0), 1.0, 7.0)


def test_neighbours_in_price_and_the_best_of_the_dearer_ones() -> None:
    """Of five models, each better: pairs 01, 12, 23 at agreement 1, triples 012 and 123 at 1/3 and 1; all before 4."""
    found = [
        one for one in SemanticAgreement().policies(random_voters(models=5, samples=1)) if isinstance(one, Agreement)
    ]
    pairs = [((0, 1, 4), 1.0), ((1, 2, 4), 1.0), ((2, 3, 4), 1.0)]
    triples = [(models, tau) for models in ((0, 1, 2, 4), (1, 2, 3, 4)) for tau in (1 / 3, 1.0)]
    assert [(one.models, one.tau) for one in found] == pairs + triples


@pytest.mark.parametrize(("form", "taus"), [("mean", [1 / 6, 1 / 3, 0.5, 1.0]), ("max", [1 / 3, 2 / 3, 1.0])])
def test_every_level_that_four_small_models_can_reach(form: str, taus: list[float]) -> None:
    """Parts 2 1 1, 2 2, 3 1 and 4 of four make 2, 4, 6 and 12 of 12 ordered pairs alike; largest parts 2, 3 and 4."""
    recipe = SemanticAgreement(small=4, form="max" if form == "max" else "mean")
    found = list(recipe.policies(random_voters(models=5, samples=1)))
    assert [one.tau for one in found if isinstance(one, Agreement) and len(one.models) == 5] == pytest.approx(taus)


def test_groups_are_thinned_out_and_models_are_there_by_themselves() -> None:
    found = list(SemanticAgreement(small=2, groups=2).policies(random_voters(models=6, samples=1)))
    assert [one.models for one in found if isinstance(one, Agreement)] == [(0, 1, 5), (3, 4, 5)]
    assert next(one.models for one in found if isinstance(one, ThresholdChain)) == (0,)


def test_two_models_are_too_few() -> None:
    with pytest.raises(ValueError, match="2 models, up to 3 small ones at once: two small ones and a big one"):
        list(SemanticAgreement().policies(random_voters(models=2)))
