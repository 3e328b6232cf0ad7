from pathlib import Path
from typing import Any

import pytest

from anabranch.routers.estimators.estimator import Estimator
from anabranch.routers.estimators.knn import KNN
from anabranch.routers.estimators.mlp import MLP
from anabranch.routers.estimators.ridge import Ridge
from anabranch.routers.recipes.carrot import carrot
from tests.contract.rows import learn
from tests.contract.worlds import Make, cost_world, matched_world


@pytest.mark.parametrize(
    ("estimates", "estimator", "settings"),
    [("knn", KNN, {"k": 8}), ("linear", Ridge, {"l2": 3.0}), ("mlp", MLP, {"hidden": 5})],
)
def test_a_setting_reaches_the_estimates_it_is_for(
    estimates: Any, estimator: type[Estimator], settings: dict[str, Any]
) -> None:
    recipe = carrot(estimates, k=8, l2=3.0, hidden=5)
    assert (recipe.estimator, recipe.settings, recipe.policy) == (estimator, settings, "argmax-utility")
    assert isinstance(recipe.build(4, 2), estimator)


def test_unknown_estimates_are_refused() -> None:
    with pytest.raises(ValueError, match="unknown estimates 'oracle'; known: knn, linear, mlp"):
        carrot("oracle")  # type: ignore[arg-type]


@pytest.mark.parametrize(("estimates", "make"), [("linear", cost_world), ("knn", matched_world)])
def test_estimates_recover_headroom_where_their_assumption_holds(estimates: str, make: Make, tmp_path: Path) -> None:
    """The contract suite runs the default, knn, on smoothly varying costs."""
    world = make(seed=1)
    learnt = learn("anabranch.routers.recipes.carrot:carrot", world, tmp_path, settings={"estimates": estimates})
    assert world.headroom_recovered(learnt.choices()) >= 0.8
