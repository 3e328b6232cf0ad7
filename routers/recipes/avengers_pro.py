"""Avengers-Pro (Zhang et al. 2025)."""

from typing import Literal

from anabranch.routers.estimators.balance_score import BalanceScore
from anabranch.routers.estimators.cluster import Cluster
from anabranch.routers.recipe import Recipe


def avengers_pro(
    form: Literal["tables", "balance"] = "tables",
    clusters: int = 64,
    nearest: int = 4,
    sharpness: float = 9.0,
    seed: int = 0,
) -> Recipe:
    """Avengers-Pro: accuracy and cost of every model in the prompt's nearest clusters, balanced by the trade-off.

    Args:
        form: tables of accuracy and usage, which a policy prices and trades off; or the paper's balance score, which
            reads the trade-off itself and takes usage for cost.
        clusters: K.
        nearest: clusters that count.
        sharpness: how much more the nearer of them count.
        seed: of k-means.
    """
    settings = {"clusters": clusters, "nearest": nearest, "sharpness": sharpness, "seed": seed}
    if form == "balance":
        return Recipe(BalanceScore, settings, policy="conditioned", source="arXiv 2508.12631", specification="code")
    return Recipe(Cluster, settings | {"prior": 0.0}, source="arXiv 2508.12631", specification="code")
