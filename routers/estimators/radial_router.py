"""A prompt in the middle of a star of arms."""

import torch
from torch import Tensor, nn

from anabranch.routers.estimates import Estimates
from anabranch.routers.estimators.collected import ArmMean, Collected
from anabranch.routers.estimators.discovered import discovered
from anabranch.routers.estimators.estimator import Batch, Descent, GradientTrained, normalised
from anabranch.routers.estimators.losses import masked_mean
from anabranch.routers.estimators.radialformer import RadialFormer
from anabranch.routers.estimators.reward import require_usage, reward
from anabranch.routers.estimators.routerdc import sample_sample_loss


class RadialRouter(GradientTrained):
    """Let arms, as satellites of the prompt, attend to it in turns, and score where they end (Jin et al. 2025).

    Scores are pulled to softmax(quality - alpha cost) by Kullback-Leibler divergence, and prompts of one cluster to
    each other. Cost is in units of the priciest arm's mean, not in USD a million tokens as in the paper.

    Args:
        width: D.
        arms: A.
        layers: T; the paper has 6.
        heads: of attention.
        state: width of relay and satellites, a multiple of `heads`; the paper's attention has 128.
        alpha: what a cost of 1 takes away from quality.
        contrast_weight: of the prompt-prompt loss, the paper's lambda.
        negatives: prompts of other clusters an anchor is compared with.
        clusters: of training prompts.
        seed: of satellites, clusters and draws.
    """

    quality_kind = "score"
    source = "arXiv 2506.03880"
    specification = "secondary"
    descent = Descent(epochs=15)

    def __init__(
        self,
        width: int,
        arms: int,
        *,
        layers: int = 2,
        heads: int = 4,
        state: int = 64,
        alpha: float = 0.0,
        contrast_weight: float = 0.5,
        negatives: int = 3,
        clusters: int = 8,
        seed: int = 0,
    ) -> None:
        super().__init__(width, arms)
        self.alpha = alpha
        self.contrast_weight = contrast_weight
        self.negatives = negatives
        self.clusters = clusters
        self.seed = seed
        self._draws = torch.Generator().manual_seed(seed)
        self.relay = nn.Linear(width, state)
        self.satellite = nn.Parameter(torch.randn(arms, state, generator=self._draws))
        self.star = RadialFormer(state, heads, layers)
        self.head = nn.Sequential(nn.Linear(state, state), nn.ReLU(), nn.Linear(state, 1))
        self.usage = ArmMean(arms)
        self._seen = Collected()
        self._cluster = torch.zeros(0, dtype=torch.int64)  # (N,), of each training prompt; needed in training only

    def observe(self, batch: Batch) -> None:
        """Keep the batch."""
        self._seen.add(batch)

    def finalise(self) -> None:
        """Cluster the prompts.

        Raises:
            ValueError: costs weigh something and some arm's usage is unknown.
        """
        whole = self._seen.stack()
        self._cluster = discovered(normalised(whole.embedding), self.clusters, self.seed)
        self.usage.set(whole.usage)
        require_usage(self.usage.mean, self.alpha, "radial-router")

    def forward(self, embedding: Tensor, tradeoff: Tensor | None = None) -> Estimates[Tensor]:
        """See `Estimator.forward`; quality is a softmax over arms, spread is unknown."""
        score = self._logits(self.relay(embedding)).softmax(dim=1)
        return Estimates(score, self.usage(embedding), torch.zeros_like(score))

    def loss(self, batch: Batch) -> Tensor:
        """Divergence from the softmax of rewards; in training also the prompt-prompt loss."""
        relay = self.relay(batch.embedding)
        value = reward(batch.quality, batch.usage, self.usage.mean.max(), self.alpha)
        loss = divergence(self._logits(relay), value)
        if not self.training:
            return loss
        cluster = self._cluster[batch.row.cpu()].to(relay.device)
        return loss + self.contrast_weight * sample_sample_loss(relay, cluster, self.negatives, self._draws)

    def _logits(self, relay: Tensor) -> Tensor:
        """Scores before the softmax; (B, W) -> (B, A)."""
        logits: Tensor = self.head(self.star(relay, self.satellite)).squeeze(2)
        return logits


def divergence(logits: Tensor, value: Tensor) -> Tensor:
    """KL(softmax(logits) | softmax(value)) over the arms a row knows, averaged over rows; (B, A), (B, A) -> scalar.

    A row that knows no arm counts for nothing.

    >>> round(float(divergence(torch.zeros(1, 2), torch.tensor([[1.0, 0.0]]))), 4)  # log(1 + e) - 1/2 - log 2
    0.1201
    """
    known = ~value.isnan()
    # finite, because -inf - -inf is no number
    chosen = logits.masked_fill(~known, -1e9).log_softmax(dim=1)
    wanted = value.nan_to_num(0.0).masked_fill(~known, -1e9).log_softmax(dim=1)
    gap = (chosen.exp() * (chosen - wanted)).masked_fill(~known, 0.0).sum(dim=1)
    return masked_mean(gap, known.any(dim=1))
