"""Similarity-weighted Bradley-Terry, in closed form and in the graph."""

import torch
from torch import Tensor

from anabranch.routers.estimates import Estimates
from anabranch.routers.estimators.bradley_terry import bradley_terry
from anabranch.routers.estimators.collected import ArmMean, Collected
from anabranch.routers.estimators.estimator import Batch, ClosedForm, normalised


class SimilarityWeighted(ClosedForm):
    """Fit a Bradley-Terry model per prompt, votes weighted by similarity (Ong et al. 2024, RouteLLM's sw ranking).

    A vote weighs gamma^(1 + s / max s) for cosine similarity s. The published router refits a logistic regression
    for every request; here the votes of every training prompt are summed beforehand and the fit is a fixed number of
    steps in the graph. Quality is sigmoid(strength), strengths centred a row, so that
    P(a beats b) = sigmoid(s_a - s_b).

    Args:
        width: D.
        arms: A.
        gamma: base of the similarity weight.
        steps: of the fit; 50 agree with the logistic regression to 1e-4, and to 0.005 where pairs are very uneven.
        prior: votes' worth of ties mixed into every pair, as a share of the mean weight, so that an arm that never
            lost has a finite strength.
    """

    learns_from = "preferences"
    quality_kind = "win_rate"
    holds_prompts = True
    source = "arXiv 2406.18665, section 4.2"
    specification = "code"
    index: Tensor
    wins: Tensor

    def __init__(self, width: int, arms: int, *, gamma: float = 10.0, steps: int = 50, prior: float = 1e-3) -> None:
        super().__init__(width, arms)
        self.gamma = gamma
        self.steps = steps
        self.prior = prior
        self._seen = Collected()
        self.usage = ArmMean(arms)
        self.register_buffer("index", torch.zeros(0, width))
        self.register_buffer("wins", torch.zeros(0, arms * arms))

    def observe(self, batch: Batch) -> None:
        """Keep the batch."""
        self._seen.add(batch)

    def finalise(self) -> None:
        """Lay out the index of prompts that have votes.

        Raises:
            ValueError: no prompt has any.
        """
        whole = self._seen.stack()
        voted = whole.wins.sum(dim=(1, 2)) > 0
        if not voted.any():
            raise ValueError(
                f"routellm-sw learns from votes between arms, and no training prompt has one (arms: {self.arms}); "
                "a router that learns from outcomes, such as knn, needs none"
            )
        self.index = normalised(whole.embedding[voted])
        self.wins = whole.wins[voted].flatten(1)  # (N, A * A)
        self.usage.set(whole.usage)

    def forward(self, embedding: Tensor, tradeoff: Tensor | None = None) -> Estimates[Tensor]:
        """See `Estimator.forward`; spread is unknown."""
        similarity = normalised(embedding) @ self.index.T  # (B, N)
        nearest = similarity.amax(dim=1, keepdim=True).clamp(min=1e-6)
        weight = self.gamma ** (1 + similarity / nearest)
        wins = (weight @ self.wins).reshape(-1, self.arms, self.arms)  # (B, A, A)
        strength = bradley_terry(wins, self.steps, self.prior)
        return Estimates(strength.sigmoid(), self.usage(embedding), torch.zeros_like(strength))
