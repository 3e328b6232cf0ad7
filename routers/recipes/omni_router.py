"""OmniRouter, by its idea."""

from anabranch.routers.estimators.knn import KNN
from anabranch.routers.recipe import Recipe


def omni_router(k: int = 64) -> Recipe:
    """OmniRouter: the nearest prompts tell quality and usage, and the dual price of a batch's budget decides.

    Args:
        k: neighbours.
    """
    return Recipe(KNN, {"k": k}, policy="dual-price", source="OmniRouter", specification="ours")
