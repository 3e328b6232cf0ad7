from dataclasses import replace
from typing import Any

import pytest

from anabranch.routers.estimators.best_route import BestRoute
from anabranch.routers.estimators.estimator import Descent, Estimator
from anabranch.routers.estimators.knn import KNN
from anabranch.routers.estimators.mlp import MLP
from anabranch.routers.estimators.ridge import Ridge
from anabranch.routers.policies.registry import load_policy
from anabranch.routers.recipe import Recipe, recipe_of, settings_of
from anabranch.routers.registry import ROUTERS


def my_recipe(l2: float = 2.0) -> Recipe:
    """A recipe of one's own, as a user may write it."""
    return Recipe(Ridge, {"l2": l2}, policy="cheapest-above")


@pytest.mark.parametrize("name", ROUTERS)
def test_every_row_builds_an_estimator_and_a_policy(name: str) -> None:
    recipe = recipe_of(name)
    estimator = recipe.build(width=6, arms=3)
    assert isinstance(estimator, Estimator) and (estimator.width, estimator.arms) == (6, 3)
    assert load_policy(recipe.policy, dict(recipe.policy_settings)).knots(3)[-1] == 1.0


@pytest.mark.parametrize("name", ROUTERS)
def test_every_setting_can_be_set_to_its_default(name: str) -> None:
    assert (
        recipe_of(name, settings_of(name)).build(4, 2).state_dict().keys()
        == recipe_of(name).build(4, 2).state_dict().keys()
    )


def test_an_estimator_is_its_own_recipe() -> None:
    recipe = recipe_of("knn", {"k": 3})
    assert recipe == Recipe(KNN, {"k": 3}, source=KNN.source, specification="code")
    built = recipe.build(2, 1)
    assert isinstance(built, KNN) and built.k == 3


def test_linucb_is_ridge_with_optimism() -> None:
    recipe = recipe_of("linucb", {"alpha": 0.5, "l2": 3.0})
    assert (recipe.estimator, recipe.settings) == (Ridge, {"l2": 3.0})
    assert (recipe.policy, recipe.policy_settings) == ("ucb", {"alpha": 0.5})


def test_settings_of_a_gradient_trained_router_say_how_to_descend() -> None:
    """RouterDC names its own rate, 5e-5; what is set replaces one field and leaves the others."""
    recipe = recipe_of("routerdc", {"epochs": 2, "top": 1})
    assert recipe.settings == {"top": 1}
    assert recipe.descent == Descent(epochs=2, batch_size=16, learning_rate=5e-5, max_steps=100_000)
    assert "epochs" not in settings_of("knn")


def test_a_setting_that_chooses_the_estimator_chooses_whether_there_is_a_descent() -> None:
    """CARROT's perceptron descends and its neighbours do not; TO-Router is the other way about."""
    recipe = recipe_of("carrot", {"estimates": "mlp", "epochs": 5})
    assert recipe.estimator is MLP and recipe.descent == replace(MLP.descent, epochs=5)
    assert "epochs" in settings_of("to-router") and "epochs" not in settings_of("to-router", {"kind": "knn"})


@pytest.mark.parametrize(
    ("name", "settings"), [("carrot", {}), ("carrot", {"estimates": "linear"}), ("to-router", {"kind": "knn"})]
)
def test_a_descent_is_refused_where_nothing_descends(name: str, settings: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=rf"'{name}' has no setting 'epochs'; its settings: "):
        recipe_of(name, settings | {"epochs": 5})


@pytest.mark.parametrize(
    ("name", "settings", "message"),
    [
        ("to-router", {"kind": "svm"}, "to-router: unknown kind 'svm'; known: mlp, knn"),
        ("knn", {"weights": "flat"}, "knn: unknown weights 'flat'; known: triangular, uniform"),
    ],
    ids=["recipe", "estimator"],
)
def test_a_misspelt_word_is_not_the_default(name: str, settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        recipe_of(name, settings)


def test_best_route_makes_an_arm_of_every_number_of_samples() -> None:
    recipe = recipe_of("best-route", {"samples": (1, 3), "slack": 0.1})
    assert (recipe.estimator, recipe.policy, recipe.samples) == (BestRoute, "cheapest-above", (1, 3))
    assert recipe.settings["slack"] == 0.1


def test_an_estimator_of_ones_own_is_named_by_its_path() -> None:
    assert recipe_of("anabranch.routers.estimators.knn:KNN", {"k": 3}) == recipe_of("knn", {"k": 3})


def test_a_recipe_of_ones_own_is_named_by_its_path() -> None:
    assert recipe_of(f"{__name__}:my_recipe", {"l2": 1.0}) == Recipe(Ridge, {"l2": 1.0}, policy="cheapest-above")


@pytest.mark.parametrize(("name", "hint"), [("kn", r" \(did you mean 'knn'\?\)"), ("zzz", "")])
def test_an_unknown_router_is_refused_with_a_hint(name: str, hint: str) -> None:
    """Every known name is listed, in order."""
    with pytest.raises(ValueError, match=rf"^unknown router '{name}'{hint}; known: {', '.join(sorted(ROUTERS))}$"):
        recipe_of(name)


@pytest.mark.parametrize(
    ("name", "settings", "message"),
    [
        ("knn", {"neighbours": 3}, r"'knn' has no setting 'neighbours'; its settings: k=64, weights='triangular'"),
        ("linucb", {"k": 3}, r"'linucb' has no setting 'k'; its settings: l2=1.0, alpha=1.0"),
        ("knn", {"width": 3}, r"'knn' has no setting 'width'"),
    ],
    ids=["estimator", "recipe", "what the data decides"],
)
def test_an_unknown_setting_is_refused_with_the_defaults(name: str, settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        recipe_of(name, settings)


def test_settings_are_read_from_the_signature() -> None:
    assert settings_of("knn") == {"k": 64, "weights": "triangular"}
    assert settings_of(f"{__name__}:my_recipe") == {"l2": 2.0}
