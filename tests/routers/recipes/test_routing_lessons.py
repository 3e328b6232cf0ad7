from anabranch.routers.estimators.cluster_solvers import ClusterSolvers
from anabranch.routers.estimators.estimator import Descent
from anabranch.routers.estimators.logistic import Logistic
from anabranch.routers.estimators.multi_label import MultiLabel
from anabranch.routers.recipe import recipe_of


def test_the_kind_chooses_the_estimator() -> None:
    kinds = ("multi-label", "separate", "clusters")
    chosen = [recipe_of("routing-lessons", {"kind": kind}).estimator for kind in kinds]
    assert chosen == [MultiLabel, Logistic, ClusterSolvers]


def test_settings_reach_the_estimator_they_are_for() -> None:
    assert recipe_of("routing-lessons", {"balanced": True}).settings == {"balanced": True}
    clusters = recipe_of("routing-lessons", {"kind": "clusters", "clusters": 9, "keep": 0.9, "balanced": True})
    assert clusters.settings == {"clusters": 9, "keep": 0.9, "seed": 0}


def test_the_network_descends_as_the_authors_code_does() -> None:
    assert recipe_of("routing-lessons", {"epochs": 3}).descent == Descent(3, 128, 2e-5, max_steps=100_000)
