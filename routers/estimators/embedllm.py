"""Model embeddings from the matrix of who answers what correctly."""

import torch
from torch import Tensor

from anabranch.routers.estimates import Estimates
from anabranch.routers.estimators.bilinear import Bilinear
from anabranch.routers.estimators.collected import Collected
from anabranch.routers.estimators.embedding_noise import EmbeddingNoise
from anabranch.routers.estimators.estimator import Batch, Descent, GradientTrained
from anabranch.routers.estimators.linear_usage import LinearUsage
from anabranch.routers.estimators.losses import masked_bce


class EmbedLLM(GradientTrained):
    """P(correct) = sigmoid(w . (p_m * (W e + b)) + c) with an embedding p_m an arm (Zhuang et al. 2024).

    The published softmax over two logits is the sigmoid of their difference, so one row of weights w does for two.
    Usage is ridge regression.

    Args:
        width: D.
        arms: A.
        factors: F, length of the arms' embeddings.
        noise: standard deviation of the noise on the prompt's embedding in training.
        usage_l2: strength of the shrinkage of usage.
        seed: of the arms' first embeddings and of the noise.
    """

    source = "arXiv 2410.02223"
    specification = "code"
    descent = Descent(epochs=50, weight_decay=1e-5)

    def __init__(
        self,
        width: int,
        arms: int,
        *,
        factors: int = 232,
        noise: float = 0.05,
        usage_l2: float = 1.0,
        seed: int = 0,
    ) -> None:
        super().__init__(width, arms)
        draws = torch.Generator().manual_seed(seed)
        self.logits = Bilinear(width, arms, factors, constants=True, unit=False, draws=draws)
        self.noise = EmbeddingNoise(noise, draws)
        self.usage = LinearUsage(width, arms, l2=usage_l2)
        self._seen = Collected()

    def observe(self, batch: Batch) -> None:
        """Keep the batch."""
        self._seen.add(batch)

    def finalise(self) -> None:
        """Fit usage."""
        whole = self._seen.stack()
        self.usage.set(whole.embedding, whole.usage)

    def forward(self, embedding: Tensor, tradeoff: Tensor | None = None) -> Estimates[Tensor]:
        """See `Estimator.forward`; spread is unknown."""
        quality = self.logits(embedding).sigmoid()
        return Estimates(quality, self.usage(embedding), torch.zeros_like(quality))

    def loss(self, batch: Batch) -> Tensor:
        """Cross-entropy of quality."""
        return masked_bce(self.logits(self.noise(batch.embedding)), batch.quality)
