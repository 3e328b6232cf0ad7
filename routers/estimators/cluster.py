"""A table of outcomes per cluster of prompts."""

import torch
from torch import Tensor

from anabranch.routers.estimates import Estimates
from anabranch.routers.estimators.assignment import soft_assignment
from anabranch.routers.estimators.collected import Collected
from anabranch.routers.estimators.estimator import Batch, ClosedForm, normalised
from anabranch.routers.estimators.kmeans import kmeans
from anabranch.routers.estimators.label_table import LabelTable


class Cluster(ClosedForm):
    """Look up the mean outcomes of the nearest k-means cluster (Jitkrittum et al. 2025, UniRoute's hard clusters).

    With more than one nearest cluster, the tables of those are mixed, see `soft_assignment`.

    Args:
        width: D.
        arms: A.
        clusters: K; fewer if there are fewer distinct prompts.
        prior: prompts' worth of the overall mean mixed into every cluster, so that small ones do not overfit.
        nearest: clusters that a prompt looks up.
        sharpness: how much more the nearest of them count; means nothing for one.
        seed: of k-means.
    """

    source = "arXiv 2502.08773"
    specification = "secondary"
    centres: Tensor
    error: Tensor

    def __init__(
        self,
        width: int,
        arms: int,
        *,
        clusters: int = 32,
        prior: float = 5.0,
        nearest: int = 1,
        sharpness: float = 9.0,
        seed: int = 0,
    ) -> None:
        super().__init__(width, arms)
        self.clusters = clusters
        self.prior = prior
        self.nearest = nearest
        self.sharpness = sharpness
        self.seed = seed
        self.outcomes = LabelTable(2 * arms)  # quality, then usage
        self._seen = Collected()
        self.register_buffer("centres", torch.zeros(0, width))
        self.register_buffer("error", torch.zeros(0, arms))  # standard error of quality

    def observe(self, batch: Batch) -> None:
        """Keep the batch."""
        self._seen.add(batch)

    def finalise(self) -> None:
        """Cluster the prompts and average their outcomes, shrunk to the overall mean."""
        whole = self._seen.stack()
        unit = normalised(whole.embedding)
        self.centres = kmeans(unit, self.clusters, self.seed)
        member = soft_assignment(unit, self.centres, nearest=1, sharpness=0.0)  # (N, K)
        self.outcomes.set(member, torch.cat([whole.quality, whole.usage], dim=1), self.prior)
        residual = whole.quality - self.outcomes(member)[:, : self.arms]
        count = member.T @ (~whole.quality.isnan()).float()  # (K, A)
        variance = member.T @ (residual**2).nan_to_num(0.0) / count.clamp(min=1)
        self.error = (variance / (count + self.prior).clamp(min=1e-12)).sqrt()

    def assigned(self, embedding: Tensor) -> Tensor:
        """How much each cluster counts for each prompt, rows summing to 1; (B, D) -> (B, K)."""
        return soft_assignment(normalised(embedding), self.centres, self.nearest, self.sharpness)

    def forward(self, embedding: Tensor, tradeoff: Tensor | None = None) -> Estimates[Tensor]:
        """See `Estimator.forward`; spread is the standard error of the clusters' means, as if they erred together."""
        weight = self.assigned(embedding)
        cells = self.outcomes(weight)  # (B, 2A)
        return Estimates(cells[:, : self.arms], cells[:, self.arms :], weight @ self.error)
