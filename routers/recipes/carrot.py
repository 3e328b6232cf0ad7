"""CARROT (Somerstep et al. 2025)."""

from typing import Any, Literal

from anabranch.routers.estimators.estimator import Estimator
from anabranch.routers.estimators.knn import KNN
from anabranch.routers.estimators.mlp import MLP
from anabranch.routers.estimators.ridge import Ridge
from anabranch.routers.recipe import Recipe


def carrot(
    estimates: Literal["knn", "linear", "mlp"] = "knn", k: int = 64, l2: float = 1.0, hidden: int = 256
) -> Recipe:
    """CARROT: estimate quality and cost of every arm, and choose by a convex mix of the two.

    Args:
        estimates: by the nearest prompts, by ridge regression, or by a multi-layer perceptron.
        k: neighbours of knn.
        l2: strength of the shrinkage of linear.
        hidden: units of the hidden layer of mlp.

    Raises:
        ValueError: no such estimates.
    """
    parts: dict[str, tuple[type[Estimator], dict[str, Any]]] = {
        "knn": (KNN, {"k": k}),
        "linear": (Ridge, {"l2": l2}),
        "mlp": (MLP, {"hidden": hidden}),
    }
    if estimates not in parts:
        raise ValueError(f"unknown estimates {estimates!r}; known: {', '.join(parts)}")
    estimator, settings = parts[estimates]
    return Recipe(estimator, settings, policy="argmax-utility", source="arXiv 2502.03261", specification="code")
