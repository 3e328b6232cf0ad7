"""A table of outcomes per cluster of prompts."""

import torch
from torch import Tensor

from anabranch.routers.estimates import Estimates
from anabranch.routers.estimators.collected import Collected, known_mean
from anabranch.routers.estimators.estimator import Batch, ClosedForm, normalised
from anabranch.routers.estimators.kmeans import kmeans


class Cluster(ClosedForm):
    """Look up the mean outcomes of the nearest k-means cluster (Jitkrittum et al. 2025, UniRoute's hard clusters).

    Args:
        width: D.
        arms: A.
        clusters: K; fewer if there are fewer distinct prompts.
        prior: prompts' worth of the overall mean mixed into every cluster, so that small ones do not overfit.
        seed: of k-means.
    """

    source = "arXiv 2502.08773"
    specification = "secondary"
    centres: Tensor
    table: Tensor
    error: Tensor

    def __init__(self, width: int, arms: int, *, clusters: int = 32, prior: float = 5.0, seed: int = 0) -> None:
        super().__init__(width, arms)
        self.clusters = clusters
        self.prior = prior
        self.seed = seed
        self._seen = Collected()
        self.register_buffer("centres", torch.zeros(0, width))
        self.register_buffer("table", torch.zeros(0, 2 * arms))  # quality, then usage
        self.register_buffer("error", torch.zeros(0, arms))  # standard error of quality

    def observe(self, batch: Batch) -> None:
        """Keep the batch."""
        self._seen.add(batch)

    def finalise(self) -> None:
        """Cluster the prompts and average their outcomes, shrunk to the overall mean."""
        whole = self._seen.stack()
        unit = normalised(whole.embedding)
        self.centres = kmeans(unit, self.clusters, self.seed)
        member = torch.nn.functional.one_hot(self._nearest(unit), len(self.centres)).float()  # (N, K)
        targets = torch.cat([whole.quality, whole.usage], dim=1)  # (N, 2A)
        overall = known_mean(targets)
        count = member.T @ (~targets.isnan()).float()  # (K, 2A)
        table = (member.T @ targets.nan_to_num(0.0) + self.prior * overall) / (count + self.prior)
        # without a prior, a cluster that knows nothing of an arm has only the overall mean
        self.table = torch.where(count + self.prior > 0, table, overall)
        residual = (targets - self.table[self._nearest(unit)])[:, : self.arms]
        variance = member.T @ (residual**2).nan_to_num(0.0) / count[:, : self.arms].clamp(min=1)
        self.error = (variance / (count[:, : self.arms] + self.prior).clamp(min=1e-12)).sqrt()

    def _nearest(self, unit: Tensor) -> Tensor:
        """The nearest centre of unit rows (B, D) -> (B,)."""
        # |e - c|^2 = 1 - 2 e.c + |c|^2 for unit e
        return (unit @ self.centres.T - 0.5 * (self.centres**2).sum(dim=1)).argmax(dim=1)

    def forward(self, embedding: Tensor, tradeoff: Tensor | None = None) -> Estimates[Tensor]:
        """See `Estimator.forward`; spread is the standard error of the cluster's mean."""
        cluster = self._nearest(normalised(embedding))
        cells = self.table[cluster]  # (B, 2A)
        return Estimates(cells[:, : self.arms], cells[:, self.arms :], self.error[cluster])
