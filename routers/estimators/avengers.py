"""Ranks of the arms in each cluster of prompts."""

import torch
from torch import Tensor

from anabranch.routers.estimates import Estimates
from anabranch.routers.estimators.cluster import Cluster
from anabranch.routers.estimators.estimator import Batch, ClosedForm


class Avengers(ClosedForm):
    """Add up how high each arm ranks in the prompt's nearest clusters (Zhang et al. 2025, Avengers).

    An arm that ranks r-th by mean quality in a cluster, the best being 0, earns 1 / (r + offset) there, weighted by
    how near the cluster is. Arms that tie share the better rank. The paper lets the best three answer and vote; here
    the best one answers.

    Args:
        width: D.
        arms: A.
        clusters: K; fewer if there are fewer distinct prompts.
        nearest: clusters that count.
        sharpness: beta, how much more the nearer of them count.
        offset: added to the rank; the smaller it is, the more a cluster's best arm counts.
        seed: of k-means.
    """

    quality_kind = "score"
    source = "arXiv 2505.19797"
    specification = "code"
    earned: Tensor

    def __init__(
        self,
        width: int,
        arms: int,
        *,
        clusters: int = 64,
        nearest: int = 11,
        sharpness: float = 3.0,
        offset: float = 0.1,
        seed: int = 0,
    ) -> None:
        super().__init__(width, arms)
        self.offset = offset
        self.cluster = Cluster(
            width, arms, clusters=clusters, prior=0.0, nearest=nearest, sharpness=sharpness, seed=seed
        )
        self.register_buffer("earned", torch.zeros(0, arms))  # (K, A)

    def observe(self, batch: Batch) -> None:
        """Keep the batch."""
        self.cluster.observe(batch)

    def finalise(self) -> None:
        """Cluster the prompts and rank the arms in each."""
        self.cluster.finalise()
        self.earned = 1 / (ranks(self.cluster.outcomes.table[:, : self.arms]) + self.offset)

    def forward(self, embedding: Tensor, tradeoff: Tensor | None = None) -> Estimates[Tensor]:
        """See `Estimator.forward`; spread is unknown."""
        score = self.cluster.assigned(embedding) @ self.earned
        return Estimates(score, self.cluster(embedding).usage, torch.zeros_like(score))


def ranks(quality: Tensor) -> Tensor:
    """How many arms of the row are better than each, an unknown one being the worst; (K, A) -> (K, A).

    >>> ranks(torch.tensor([[0.5, 0.9, 0.5, 0.1]])).tolist()
    [[1.0, 0.0, 1.0, 3.0]]
    """
    known = quality.nan_to_num(-1.0)
    # rounding must not part arms that tie
    return (known.unsqueeze(1) > known.unsqueeze(2) + 1e-6).sum(dim=2).float()
