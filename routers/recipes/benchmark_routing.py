"""Benchmark Routing (Shnitzer et al. 2023)."""

from typing import Literal

from anabranch.routers.estimators.knn import KNN
from anabranch.routers.estimators.thresholded_knn import ThresholdedKNN
from anabranch.routers.estimators.trusted_knn import TrustedKNN
from anabranch.routers.recipe import Recipe


def benchmark_routing(
    kind: Literal["S1", "S2", "S3"] = "S1",
    k: int = 5,
    threshold: float = 0.5,
    eta: float = 0.6,
    nearest: int = 19,
    bandwidth: float | None = None,
    seed: int = 0,
) -> Recipe:
    """Benchmark Routing: predict correctness from the nearest prompts of benchmarks, and doubt it far from them.

    Args:
        kind: S1, the mean of the neighbours; S2, whether it passes a threshold; S3, S2 discounted by trust.
        k: neighbours.
        threshold: of the mean; of kinds S2 and S3.
        eta: certainty needed to leave the best model on average; of kind S3.
        nearest: training prompts that say how far a prompt is; of kind S3.
        bandwidth: of trust by distance, chosen by leave-one-out if None; of kind S3.
        seed: of the folds; of kind S3.
    """
    source = "arXiv 2309.15789"
    if kind == "S1":
        return Recipe(KNN, {"k": k, "weights": "uniform"}, source=source, specification="secondary")
    if kind == "S2":
        return Recipe(ThresholdedKNN, {"k": k, "threshold": threshold}, source=source, specification="secondary")
    doubt = {"eta": eta, "nearest": nearest, "bandwidth": bandwidth, "seed": seed}
    return Recipe(TrustedKNN, {"k": k, "threshold": threshold} | doubt, source=source, specification="secondary")
