"""k nearest neighbours, in the graph."""

from typing import Literal

import torch
from torch import Tensor

from anabranch.routers.estimates import Estimates
from anabranch.routers.estimators.collected import Collected, known_mean
from anabranch.routers.estimators.estimator import Batch, ClosedForm, normalised


class KNN(ClosedForm):
    """Average the outcomes of the k most similar training prompts (Li 2025).

    Triangular weights fall to zero at the (k + 1)-th neighbour, so the estimate is a continuous function of the
    embedding: rounding cannot swap a whole neighbour in or out, and the graph agrees with training.

    Args:
        width: D.
        arms: A.
        k: neighbours; the most important setting, worth tuning.
        weights: triangular in cosine similarity, or uniform as in the paper; ties at the k-th all count.
    """

    source = "arXiv 2505.12601"
    specification = "code"
    holds_prompts = True
    index: Tensor
    targets: Tensor
    known: Tensor
    fallback: Tensor

    def __init__(
        self, width: int, arms: int, *, k: int = 64, weights: Literal["triangular", "uniform"] = "triangular"
    ) -> None:
        super().__init__(width, arms)
        self.k = k
        self.weights = weights
        self._seen = Collected()
        self.register_buffer("index", torch.zeros(0, width))  # unit rows
        self.register_buffer("targets", torch.zeros(0, 2 * arms))  # quality, then usage; unknown cells are 0
        self.register_buffer("known", torch.zeros(0, 2 * arms))  # 1 where known
        self.register_buffer("fallback", torch.zeros(2 * arms))

    def observe(self, batch: Batch) -> None:
        """Keep the batch."""
        self._seen.add(batch)

    def finalise(self) -> None:
        """Lay out the index."""
        whole = self._seen.stack()
        targets = torch.cat([whole.quality, whole.usage], dim=1)  # (N, 2A)
        self.index = normalised(whole.embedding)
        self.known = (~targets.isnan()).float()
        self.targets = targets.nan_to_num(0.0)
        self.fallback = known_mean(targets)

    def forward(self, embedding: Tensor, tradeoff: Tensor | None = None) -> Estimates[Tensor]:
        """See `Estimator.forward`; spread is the weighted standard error, never quite 0."""
        similarity = normalised(embedding) @ self.index.T  # (B, N)
        weight = self._weight(similarity)
        total = weight @ self.known  # (B, 2A)
        scale = total.clamp(min=1e-12)
        mean = torch.where(total > 0, weight @ self.targets / scale, self.fallback)
        quality = mean[:, : self.arms]
        square = weight @ self.targets[:, : self.arms] ** 2 / scale[:, : self.arms]
        share = weight**2 @ self.known[:, : self.arms] / scale[:, : self.arms] ** 2  # one over the effective number
        # the small constant hides rounding, as the root of a difference would show it a thousandfold
        spread = ((square - quality**2).clamp(min=0.0) + 1e-6).sqrt() * share.sqrt()
        return Estimates(quality, mean[:, self.arms :], spread)

    def _weight(self, similarity: Tensor) -> Tensor:
        """Weights of all rows, 0 beyond the neighbours; (B, N) -> (B, N).

        Only the similarity at the edge is looked up, never which rows lie there, so rows that tie are treated alike,
        in whatever order a runtime sorts them.
        """
        near = self.k if self.weights == "uniform" else self.k + 1
        edge = similarity.topk(min(near, self.index.shape[0]), dim=1).values[:, -1:]  # (B, 1)
        if self.weights == "uniform":
            return (similarity >= edge).to(similarity.dtype)
        # the small constant keeps rows of equal similarity at equal weight
        return (similarity - edge + 1e-5).relu()
