"""Lessons from routing (Srivatsa et al. 2024)."""

from typing import Literal

from anabranch.routers.estimators.cluster_solvers import ClusterSolvers
from anabranch.routers.estimators.logistic import Logistic
from anabranch.routers.estimators.multi_label import MultiLabel
from anabranch.routers.recipe import Recipe


def routing_lessons(
    kind: Literal["multi-label", "separate", "clusters"] = "multi-label",
    balanced: bool = False,
    clusters: int = 50,
    keep: float = 0.99,
    seed: int = 0,
) -> Recipe:
    """Routing Lessons: predict which models solve the prompt, by one network, one classifier each, or clusters.

    Args:
        kind: one fine-tuned network for all models; a logistic regression a model on the frozen embedding; or the
            models that solve nearly all of the prompt's cluster.
        balanced: whether right and wrong answers weigh alike; of kind multi-label.
        clusters: K; of kind clusters.
        keep: mean quality from which a model solves a cluster; of kind clusters.
        seed: of k-means.
    """
    if kind == "separate":
        return Recipe(Logistic, source="arXiv 2405.00467", specification="code")
    if kind == "clusters":
        settings = {"clusters": clusters, "keep": keep, "seed": seed}
        return Recipe(ClusterSolvers, settings, source="arXiv 2405.00467", specification="code")
    return Recipe(MultiLabel, {"balanced": balanced}, source="arXiv 2405.00467", specification="code")
