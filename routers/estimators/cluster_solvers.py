"""Which arms solve a cluster of prompts."""

from torch import Tensor

from anabranch.routers.estimates import Estimates
from anabranch.routers.estimators.cluster import Cluster
from anabranch.routers.estimators.estimator import Batch, ClosedForm


class ClusterSolvers(ClosedForm):
    """Keep the arms that solve nearly all of a cluster, else its best arm (Srivatsa et al. 2024).

    A kept arm scores 1, so kept arms tie and the policy takes the cheapest; where none is kept, scores are the mean
    qualities in the cluster. The paper clusters TF-IDF vectors; here any embedding will do.

    Args:
        width: D.
        arms: A.
        clusters: K; fewer if there are fewer distinct prompts.
        keep: mean quality from which an arm is kept.
        seed: of k-means.
    """

    quality_kind = "score"
    source = "arXiv 2405.00467"
    specification = "code"

    def __init__(self, width: int, arms: int, *, clusters: int = 50, keep: float = 0.99, seed: int = 0) -> None:
        super().__init__(width, arms)
        self.keep = keep
        self.cluster = Cluster(width, arms, clusters=clusters, prior=0.0, seed=seed)

    def observe(self, batch: Batch) -> None:
        """Keep the batch."""
        self.cluster.observe(batch)

    def finalise(self) -> None:
        """Cluster the prompts."""
        self.cluster.finalise()

    def forward(self, embedding: Tensor, tradeoff: Tensor | None = None) -> Estimates[Tensor]:
        """See `Estimator.forward`; spread is the standard error of the cluster's mean."""
        found: Estimates[Tensor] = self.cluster(embedding)
        return found._replace(quality=found.quality.masked_fill(found.quality >= self.keep, 1.0))
