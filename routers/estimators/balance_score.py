"""A balance of accuracy and cost in each cluster of prompts."""

import torch
from torch import Tensor

from anabranch.routers.estimates import Estimates
from anabranch.routers.estimators.cluster import Cluster
from anabranch.routers.estimators.estimator import Batch, ClosedForm


class BalanceScore(ClosedForm):
    """Balance accuracy against cost, each relative to its cluster (Zhang et al. 2025, Avengers-Pro).

    In a cluster an arm scores t (q - min q) / (max q - min q) + (1 - t) (1 - c / max c), over the arms' mean
    qualities q and usages c there; the trade-off t is the paper's alpha. Where all arms are equally good the first
    term is 1. Both tables are kept, so t stays an input of the graph.

    Args:
        width: D.
        arms: A.
        clusters: K; fewer if there are fewer distinct prompts.
        nearest: clusters that count.
        sharpness: beta, how much more the nearer of them count.
        floor: an arm whose mean quality in a cluster is below it scores 0 there.
        seed: of k-means.
    """

    quality_kind = "score"
    reads_tradeoff = True
    policy = "conditioned"
    source = "arXiv 2508.12631"
    specification = "code"
    accuracy: Tensor
    thrift: Tensor

    def __init__(
        self,
        width: int,
        arms: int,
        *,
        clusters: int = 64,
        nearest: int = 4,
        sharpness: float = 9.0,
        floor: float = 0.0,
        seed: int = 0,
    ) -> None:
        super().__init__(width, arms)
        self.floor = floor
        self.cluster = Cluster(
            width, arms, clusters=clusters, prior=0.0, nearest=nearest, sharpness=sharpness, seed=seed
        )
        self.register_buffer("accuracy", torch.zeros(0, arms))  # relative, (K, A)
        self.register_buffer("thrift", torch.zeros(0, arms))  # 1 - relative cost, (K, A)

    def observe(self, batch: Batch) -> None:
        """Keep the batch."""
        self.cluster.observe(batch)

    def finalise(self) -> None:
        """Cluster the prompts and make both tables relative.

        Raises:
            ValueError: some arm's usage is unknown, so there is nothing to balance.
        """
        self.cluster.finalise()
        quality, usage = torch.split(self.cluster.outcomes.table, self.arms, dim=1)  # (K, A) each
        if usage.isnan().any():
            raise ValueError(
                "avengers-pro trades quality against usage in its balance score and some arm's usage is unknown: use "
                "its tables form, or avengers"
            )
        quality = quality.nan_to_num(0.0)
        enough = (quality >= self.floor).float()
        self.accuracy = relative(quality) * enough
        self.thrift = (1 - usage / usage.amax(dim=1, keepdim=True).clamp(min=1e-12)) * enough

    def forward(self, embedding: Tensor, tradeoff: Tensor | None = None) -> Estimates[Tensor]:
        """See `Estimator.forward`; the trade-off is required, spread is unknown."""
        if tradeoff is None:
            raise ValueError("avengers-pro's balance score needs a trade-off a row: it weighs accuracy against cost")
        weight = self.cluster.assigned(embedding)  # (B, K)
        alpha = tradeoff.unsqueeze(1)
        score = alpha * (weight @ self.accuracy) + (1 - alpha) * (weight @ self.thrift)
        return Estimates(score, self.cluster(embedding).usage, torch.zeros_like(score))


def relative(quality: Tensor) -> Tensor:
    """Where each arm stands between the row's worst, 0, and best, 1; all 1 if they are equal. (K, A) -> (K, A).

    >>> relative(torch.tensor([[0.2, 0.8, 0.5], [0.3, 0.3, 0.3]])).tolist()
    [[0.0, 1.0, 0.5], [1.0, 1.0, 1.0]]
    """
    worst, best = quality.amin(dim=1, keepdim=True), quality.amax(dim=1, keepdim=True)
    share = (quality - worst) / (best - worst).clamp(min=1e-12)
    return torch.where(best - worst > 1e-6, share, 1.0)
