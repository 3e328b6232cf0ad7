"""Matrix factorisation of votes."""

import torch
from torch import Tensor

from anabranch.routers.estimates import Estimates
from anabranch.routers.estimators.bilinear import Bilinear
from anabranch.routers.estimators.collected import Collected
from anabranch.routers.estimators.embedding_noise import EmbeddingNoise
from anabranch.routers.estimators.estimator import Batch, Descent, GradientTrained
from anabranch.routers.estimators.linear_usage import LinearUsage
from anabranch.routers.estimators.votes import require_votes, vote_loss, without_ties


class MatrixFactorisation(GradientTrained):
    """Strength d(m, e) = w . (v_m / |v_m| * (W e)), learnt from votes (Ong et al. 2024, RouteLLM's mf).

    P(a beats b) = sigmoid(d_a - d_b). Quality is sigmoid(strength), strengths centred a row. Usage is ridge
    regression.

    Args:
        width: D.
        arms: A.
        factors: F, length of the latent vectors.
        noise: standard deviation of the noise on the embedding in training.
        ties: whether a tie counts, as half a vote each way; the published code leaves ties out.
        usage_l2: strength of the shrinkage of usage.
        seed: of the arms' first vectors and of the noise.
    """

    learns_from = "preferences"
    quality_kind = "win_rate"
    source = "arXiv 2406.18665, section 4.2"
    specification = "code"
    descent = Descent(epochs=100, batch_size=64, learning_rate=3e-4, weight_decay=1e-5)

    def __init__(
        self,
        width: int,
        arms: int,
        *,
        factors: int = 128,
        noise: float = 0.05,
        ties: bool = True,
        usage_l2: float = 1.0,
        seed: int = 0,
    ) -> None:
        super().__init__(width, arms)
        self.ties = ties
        draws = torch.Generator().manual_seed(seed)
        self.strength = Bilinear(width, arms, factors, constants=False, unit=True, draws=draws)
        self.noise = EmbeddingNoise(noise, draws)
        self.usage = LinearUsage(width, arms, l2=usage_l2)
        self._seen = Collected()

    def observe(self, batch: Batch) -> None:
        """Keep the batch."""
        self._seen.add(batch)

    def finalise(self) -> None:
        """Fit usage.

        Raises:
            ValueError: there is no vote to learn from.
        """
        whole = self._seen.stack()
        require_votes(self._counted(whole.wins), "routellm-mf", self.arms)
        self.usage.set(whole.embedding, whole.usage)

    def forward(self, embedding: Tensor, tradeoff: Tensor | None = None) -> Estimates[Tensor]:
        """See `Estimator.forward`; spread is unknown."""
        strength = self.strength(embedding)
        centred = strength - strength.mean(dim=1, keepdim=True)
        return Estimates(centred.sigmoid(), self.usage(embedding), torch.zeros_like(strength))

    def loss(self, batch: Batch) -> Tensor:
        """Cross-entropy of the votes."""
        return vote_loss(self.strength(self.noise(batch.embedding)), self._counted(batch.wins))

    def _counted(self, wins: Tensor) -> Tensor:
        return wins if self.ties else without_ties(wins)
