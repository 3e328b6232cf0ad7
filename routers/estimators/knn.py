"""k nearest neighbours, in the graph."""

import torch
from torch import Tensor

from anabranch.routers.estimates import Estimates
from anabranch.routers.estimators.collected import Collected, known_mean
from anabranch.routers.estimators.estimator import Batch, ClosedForm, normalised
from anabranch.routers.estimators.neighbours import NeighbourWeights, distinct, nearest


class KNN(ClosedForm):
    """Average the outcomes of the k most similar training prompts (Li 2025).

    Triangular weights make the estimate a continuous function of the embedding, see `nearest`. A prompt that was asked
    several times is one neighbour, with its mean outcome.

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

    def __init__(self, width: int, arms: int, *, k: int = 64, weights: NeighbourWeights = "triangular") -> None:
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
        self.index, place = distinct(normalised(whole.embedding))
        self.fallback = known_mean(targets)
        empty = torch.zeros(len(self.index), targets.shape[1])
        times = empty.index_add(0, place, (~targets.isnan()).float())
        self.targets = empty.index_add(0, place, targets.nan_to_num(0.0)) / times.clamp(min=1.0)
        self.known = times.clamp(max=1.0)

    def forward(self, embedding: Tensor, tradeoff: Tensor | None = None) -> Estimates[Tensor]:
        """See `Estimator.forward`; spread is the weighted standard error, never quite 0."""
        near = nearest(normalised(embedding), self.index, self.k, self.weights)
        total = near.sum(self.known)  # (B, 2A)
        scale = total.clamp(min=1e-12)
        mean = torch.where(total > 0, near.sum(self.targets) / scale, self.fallback)
        quality = mean[:, : self.arms]
        square = near.sum(self.targets[:, : self.arms] ** 2) / scale[:, : self.arms]
        share = (
            near.sum(self.known[:, : self.arms], power=2) / scale[:, : self.arms] ** 2
        )  # one over the effective number
        # the small constant hides rounding, as the root of a difference would show it a thousandfold
        spread = ((square - quality**2).clamp(min=0.0) + 1e-6).sqrt() * share.sqrt()
        return Estimates(quality, mean[:, self.arms :], spread)
