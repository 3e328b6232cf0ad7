"""Dual contrastive learning of an encoder and arm embeddings."""

import torch
from torch import Tensor, nn

from anabranch.routers.estimates import Estimates
from anabranch.routers.estimators.collected import ArmMean, Collected
from anabranch.routers.estimators.discovered import discovered
from anabranch.routers.estimators.estimator import Batch, Descent, GradientTrained, normalised


class RouterDC(GradientTrained):
    """Pull a prompt towards arms that answer it well and towards prompts of its cluster (Chen et al. 2024).

    The encoder learns. Clusters come from the embeddings before training (the paper's t-SNE before k-means is left
    out); positives and negatives of the sample-sample loss are drawn within the batch.

    Args:
        width: D.
        arms: A.
        top: K+, arms that are positives, if their quality is above 0.
        bottom: K-, arms that are negatives, if their quality is at most 0.5.
        temperature: of the similarity to arms.
        negatives: H, prompts of other clusters an anchor is compared with.
        sample_weight: weight of the sample-sample loss.
        clusters: of training prompts.
        seed: of clusters and draws.
    """

    quality_kind = "score"
    trains_encoder = True
    source = "arXiv 2409.19886"
    specification = "code"
    descent = Descent(epochs=4, batch_size=16, learning_rate=5e-5, max_steps=100_000)

    def __init__(
        self,
        width: int,
        arms: int,
        *,
        top: int = 3,
        bottom: int = 3,
        temperature: float = 1.0,
        negatives: int = 3,
        sample_weight: float = 1.0,
        clusters: int = 8,
        seed: int = 0,
    ) -> None:
        super().__init__(width, arms)
        self.top = top
        self.bottom = bottom
        self.temperature = temperature
        self.negatives = negatives
        self.sample_weight = sample_weight
        self.clusters = clusters
        self.seed = seed
        self._draws = torch.Generator().manual_seed(seed)
        self.arm = nn.Parameter(torch.randn(arms, width, generator=self._draws) * 0.78)
        self.usage = ArmMean(arms)
        self._seen = Collected()
        self._cluster = torch.zeros(0, dtype=torch.int64)  # (N,), of each training prompt; needed in training only

    def observe(self, batch: Batch) -> None:
        """Keep the batch."""
        self._seen.add(batch)

    def finalise(self) -> None:
        """Cluster the prompts by their embeddings before training."""
        whole = self._seen.stack()
        self._cluster = discovered(normalised(whole.embedding), self.clusters, self.seed)
        self.usage.set(whole.usage)

    def forward(self, embedding: Tensor, tradeoff: Tensor | None = None) -> Estimates[Tensor]:
        """See `Estimator.forward`; quality is the cosine to the arm, spread is unknown."""
        score = normalised(embedding) @ normalised(self.arm).T
        return Estimates(score, self.usage(embedding), torch.zeros_like(score))

    def loss(self, batch: Batch) -> Tensor:
        """Sample-arm loss; in training also the sample-sample loss."""
        score = self(batch.embedding).quality / self.temperature
        arm_loss = sample_arm_loss(score, batch.quality, self.top, self.bottom)
        if not self.training:
            return arm_loss
        cluster = self._cluster[batch.row.cpu()].to(score.device)
        pair_loss = sample_sample_loss(batch.embedding, cluster, self.negatives, self._draws)
        return arm_loss + self.sample_weight * pair_loss


def sample_arm_loss(score: Tensor, quality: Tensor, top: int, bottom: int) -> Tensor:
    """Each good arm against the bad ones, summed over good arms, averaged over the batch; (B, A), (B, A) -> scalar.

    An unknown cell is neither good nor bad.

    >>> score, quality = torch.tensor([[1.0, 0.0]]), torch.tensor([[1.0, 0.0]])
    >>> round(float(sample_arm_loss(score, quality, top=1, bottom=1)), 4)  # log(1 + 1/e)
    0.3133
    """
    low_first = quality.nan_to_num(2.0).argsort(dim=1)
    high_first = quality.nan_to_num(-1.0).argsort(dim=1, descending=True)
    bad = low_first[:, :bottom]  # (B, K-)
    is_bad = quality.nan_to_num(2.0).gather(1, bad) <= 0.5
    bad_score = score.gather(1, bad).masked_fill(~is_bad, -torch.inf)
    good = high_first[:, :top]  # (B, K+)
    is_good = quality.nan_to_num(-1.0).gather(1, good) > 0
    good_score = score.gather(1, good)
    rivals = bad_score.unsqueeze(1).expand(-1, good.shape[1], -1)  # (B, K+, K-)
    # an arm is no rival of itself
    rivals = rivals.masked_fill(bad.unsqueeze(1) == good.unsqueeze(2), -torch.inf)
    total = torch.cat([good_score.unsqueeze(2), rivals], dim=2).logsumexp(dim=2)
    return ((total - good_score) * is_good).sum(dim=1).mean()


def sample_sample_loss(embedding: Tensor, cluster: Tensor, negatives: int, draws: torch.Generator) -> Tensor:
    """Each prompt against one of its cluster and some of others in the batch; (B, D), (B,) -> scalar."""
    unit = normalised(embedding)
    similarity = unit @ unit.T  # (B, B)
    same = cluster.unsqueeze(0) == cluster.unsqueeze(1)
    alone = torch.eye(len(cluster), dtype=torch.bool, device=cluster.device)
    noise = torch.rand(same.shape, generator=draws).to(similarity)
    positive = noise.masked_fill(~same | alone, -1.0).argmax(dim=1)  # (B,)
    rank = noise.masked_fill(same, -1.0).argsort(dim=1, descending=True)[:, :negatives]  # (B, H)
    far = similarity.gather(1, rank).masked_fill(same.gather(1, rank), -torch.inf)
    near = similarity.gather(1, positive.unsqueeze(1))  # (B, 1)
    usable = (same & ~alone).any(dim=1) & (~same).any(dim=1)
    loss = torch.cat([near, far], dim=1).logsumexp(dim=1) - near.squeeze(1)
    return (loss * usable).sum() / usable.sum().clamp(min=1)
