"""Item response theory: what an arm is able to do against what a prompt asks."""

from typing import Literal

import torch
from torch import Tensor, nn

from anabranch.routers.estimates import Estimates
from anabranch.routers.estimators.collected import Collected
from anabranch.routers.estimators.estimator import Batch, Descent, GradientTrained
from anabranch.routers.estimators.linear_usage import LinearUsage
from anabranch.routers.estimators.losses import masked_bce
from anabranch.routers.estimators.mirt import MultidimensionalItemResponse
from anabranch.routers.estimators.nirt import NeuralItemResponse


class IRTRouter(GradientTrained):
    """P(correct) from an arm's abilities and a prompt's difficulty, never falling in any ability (Song et al. 2025).

    Abilities are learnt an arm; the paper makes them from the text of a model's profile, which labels do not have.
    Usage is ridge regression.

    Args:
        width: D.
        arms: A.
        kind: mirt, log odds linear in ability, or nirt, a monotone network.
        factors: F, abilities.
        hidden: units of nirt's hidden layer.
        dropout: share of nirt's hidden units dropped in training.
        usage_l2: strength of the shrinkage of usage.
        seed: of the first abilities.

    Raises:
        ValueError: no such kind.
    """

    source = "arXiv 2506.01048"
    specification = "secondary"
    descent = Descent(weight_decay=0.0)

    def __init__(
        self,
        width: int,
        arms: int,
        *,
        kind: Literal["mirt", "nirt"] = "mirt",
        factors: int = 25,
        hidden: int = 512,
        dropout: float = 0.5,
        usage_l2: float = 1.0,
        seed: int = 0,
    ) -> None:
        super().__init__(width, arms)
        if kind not in ("mirt", "nirt"):
            raise ValueError(f"unknown kind {kind!r} of item response; known: mirt, nirt")
        self.response: nn.Module = (
            MultidimensionalItemResponse(width, factors)
            if kind == "mirt"
            else NeuralItemResponse(width, factors, hidden, dropout)
        )
        draws = torch.Generator().manual_seed(seed)
        self.ability = nn.Parameter(torch.randn(arms, factors, generator=draws) / factors**0.5)
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
        quality = self.response(embedding, self.ability).sigmoid()
        return Estimates(quality, self.usage(embedding), torch.zeros_like(quality))

    def loss(self, batch: Batch) -> Tensor:
        """Cross-entropy of quality, on the log odds."""
        return masked_bce(self.response(batch.embedding, self.ability), batch.quality)
