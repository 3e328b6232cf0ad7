"""Blending (Lu et al. 2024)."""

from anabranch.routers.estimators.zero import Zero
from anabranch.routers.recipe import Recipe


def blending(weights: tuple[float, ...] = ()) -> Recipe:
    """Blending: every turn is answered by an arm drawn at random; estimates are each arm's means.

    Args:
        weights: chance of each arm up to a factor; empty for equal chances, as in the paper.
    """
    return Recipe(
        Zero, policy="random", policy_settings={"weights": weights}, source="arXiv 2401.02994", specification="memory"
    )
