"""Global ratings mixed with ratings by the votes on similar prompts."""

from typing import Literal

import torch
from torch import Tensor

from anabranch.routers.estimates import Estimates
from anabranch.routers.estimators.bradley_terry import bradley_terry
from anabranch.routers.estimators.collected import ArmMean, Collected
from anabranch.routers.estimators.elo import elo_strength
from anabranch.routers.estimators.estimator import Batch, ClosedForm, normalised
from anabranch.routers.estimators.neighbours import NeighbourWeights, distinct, nearest
from anabranch.routers.estimators.votes import require_votes


class Eagle(ClosedForm):
    """Rate the arms by all votes and by those on the nearest prompts, and mix both (Zhao et al. 2024).

    The published local ratings replay the neighbours' votes one by one on top of the global ratings, so that their
    order matters. Here a Bradley-Terry model is fitted to them, without order; it leans on the global ratings by
    imagined votes between every pair. Quality is sigmoid(strength), strengths centred a row.

    Args:
        width: D.
        arms: A.
        k: N, neighbours whose votes are the local ones.
        weights: of the neighbours; uniform as in the paper. Triangular ones let the nearest count in full.
        global_weight: P, the share of the global ratings.
        inertia: imagined local votes a pair, won as the global ratings expect.
        ratings: how the global ones are made: by Bradley-Terry, or by Elo in random orders.
        elo_k: K, the largest step of a rating in one battle; for Elo.
        orders: orders of the votes that Elo ratings are averaged over.
        steps: of the Bradley-Terry fits.
        prior: as in `bradley_terry`.
        seed: of the orders.
    """

    learns_from = "preferences"
    quality_kind = "win_rate"
    holds_prompts = True
    source = "arXiv 2409.15518"
    specification = "secondary"
    index: Tensor
    wins: Tensor
    everywhere: Tensor

    def __init__(
        self,
        width: int,
        arms: int,
        *,
        k: int = 20,
        weights: NeighbourWeights = "triangular",
        global_weight: float = 0.5,
        inertia: float = 1.0,
        ratings: Literal["bradley-terry", "elo"] = "bradley-terry",
        elo_k: float = 32.0,
        orders: int = 10,
        steps: int = 50,
        prior: float = 1e-3,
        seed: int = 0,
    ) -> None:
        super().__init__(width, arms)
        self.k = k
        self.weights = weights
        self.global_weight = global_weight
        self.inertia = inertia
        self.ratings = ratings
        self.elo_k = elo_k
        self.orders = orders
        self.steps = steps
        self.prior = prior
        self.seed = seed
        self._seen = Collected()
        self.usage = ArmMean(arms)
        self.register_buffer("index", torch.zeros(0, width))
        self.register_buffer("wins", torch.zeros(0, arms * arms))
        self.register_buffer("everywhere", torch.zeros(arms))  # global strengths

    def observe(self, batch: Batch) -> None:
        """Keep the batch."""
        self._seen.add(batch)

    def finalise(self) -> None:
        """Rate all votes and lay out the index of prompts that have some.

        Raises:
            ValueError: no prompt has any.
        """
        whole = self._seen.stack()
        require_votes(whole.wins, "eagle", self.arms)
        voted = whole.wins.sum(dim=(1, 2)) > 0
        self.index, place = distinct(normalised(whole.embedding[voted]))
        wins = whole.wins[voted].flatten(1)
        self.wins = torch.zeros(len(self.index), wins.shape[1]).index_add(0, place, wins)  # (N, A * A)
        self.everywhere = self._global(whole.wins)
        self.usage.set(whole.usage)

    def _global(self, wins: Tensor) -> Tensor:
        if self.ratings == "elo":
            return elo_strength(wins, self.elo_k, self.orders, self.seed)
        return bradley_terry(wins.sum(dim=0, keepdim=True), self.steps, self.prior)[0]

    def forward(self, embedding: Tensor, tradeoff: Tensor | None = None) -> Estimates[Tensor]:
        """See `Estimator.forward`; spread is unknown."""
        near = nearest(normalised(embedding), self.index, self.k, self.weights)
        # whatever the distances are, the nearest prompt's votes are whole votes
        near = near._replace(weight=near.weight / near.weight.amax(dim=1, keepdim=True).clamp(min=1e-12))
        expected = (self.everywhere.unsqueeze(1) - self.everywhere).sigmoid()  # (A, A)
        wins = near.sum(self.wins).reshape(-1, self.arms, self.arms) + self.inertia * expected
        nearby = bradley_terry(wins, self.steps, self.prior)
        strength = self.global_weight * self.everywhere + (1 - self.global_weight) * nearby
        return Estimates(strength.sigmoid(), self.usage(embedding), torch.zeros_like(strength))
