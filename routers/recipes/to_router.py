"""TO-Router (Stripelis et al. 2024)."""

from typing import Literal

from anabranch.routers.estimators.soft_label_knn import SoftLabelKNN
from anabranch.routers.estimators.soft_label_mlp import SoftLabelMLP
from anabranch.routers.recipe import Recipe


def to_router(kind: Literal["mlp", "knn"] = "mlp", temperature: float = 10.0, hidden: int = 256, k: int = 64) -> Recipe:
    """TO-Router: learn each prompt's softmax over the arms instead of each arm's own quality.

    Args:
        kind: a network, or the nearest prompts.
        temperature: what quality is multiplied by before the softmax; the larger, the more the best arm counts.
        hidden: units of the hidden layer; of kind mlp.
        k: neighbours; of kind knn.
    """
    if kind == "knn":
        settings = {"temperature": temperature, "k": k}
        return Recipe(SoftLabelKNN, settings, source="arXiv 2408.12320", specification="secondary")
    settings = {"temperature": temperature, "hidden": hidden}
    return Recipe(SoftLabelMLP, settings, source="arXiv 2408.12320", specification="secondary")
