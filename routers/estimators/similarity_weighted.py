"""Similarity-weighted Bradley-Terry, in closed form and in the graph."""

from math import log

import torch
from torch import Tensor

from anabranch.routers.estimates import Estimates
from anabranch.routers.estimators.bradley_terry import bradley_terry
from anabranch.routers.estimators.collected import ArmMean, Collected
from anabranch.routers.estimators.estimator import Batch, ClosedForm, normalised
from anabranch.routers.estimators.vote_groups import PairVotes, grouped, weighted_wins
from anabranch.routers.estimators.votes import require_votes


class SimilarityWeighted(ClosedForm):
    """Fit a Bradley-Terry model per prompt, votes weighted by similarity (Ong et al. 2024, RouteLLM's sw ranking).

    A vote weighs gamma^(1 + s / max s) for cosine similarity s. The published router refits a logistic regression
    for every request; here the votes of every training prompt are summed beforehand and the fit is a fixed number of
    steps in the graph. Quality is sigmoid(strength), strengths centred a row, so that
    P(a beats b) = sigmoid(s_a - s_b).

    Battles among many arms are a table of wins [N, A * A] that is nearly empty: the votes are then laid out by pair of
    arms instead, a row of the index for each, see `VoteGroups`. Whichever is smaller is kept; the sums are the same.

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
    won: Tensor
    cell: Tensor

    def __init__(self, width: int, arms: int, *, gamma: float = 10.0, steps: int = 50, prior: float = 1e-3) -> None:
        super().__init__(width, arms)
        self.gamma = gamma
        self.steps = steps
        self.prior = prior
        self._seen = Collected()
        self._votes: list[PairVotes] = []
        self.usage = ArmMean(arms)
        self.register_buffer("index", torch.zeros(0, width))
        self.register_buffer("wins", torch.zeros(0, arms * arms))
        # in place of wins, if that is smaller
        self.register_buffer("won", torch.zeros(2, 0))
        self.register_buffer("cell", torch.zeros(2, 0, dtype=torch.int64))

    def observe(self, batch: Batch) -> None:
        """Keep the batch; of its wins only those that are not 0."""
        self._votes.append(PairVotes.of(batch.row, batch.wins))
        self._seen.add(batch._replace(wins=batch.wins[:, :0, :0]))

    def finalise(self) -> None:
        """Lay out the index of prompts that have votes.

        Raises:
            ValueError: no prompt has any.
        """
        whole = self._seen.stack()
        votes = PairVotes(*(torch.cat(parts) for parts in zip(*self._votes, strict=True)))
        self._votes.clear()
        require_votes(votes.won, "routellm-sw", self.arms)
        # rows may be any numbers; from here on they are places in `whole`, which is in their order
        votes = votes._replace(row=torch.searchsorted(whole.row, votes.row))
        self._lay_out(whole.embedding, votes)
        self.usage.set(whole.usage)

    def _lay_out(self, embedding: Tensor, votes: PairVotes) -> None:
        voted, place = torch.unique(votes.row, return_inverse=True)
        groups = grouped(votes, self.arms)
        if len(groups.row) * (self.width + 2) < len(voted) * (self.width + self.arms**2):
            self.won, self.cell = groups.won, groups.cell
            # an empty place is similar to nothing
            self.index = normalised(embedding)[groups.row] * (groups.row >= 0).unsqueeze(1)
            return
        self.index = normalised(embedding[voted])
        self.wins = torch.zeros(len(voted), self.arms**2)
        self.wins[place.unsqueeze(1), votes.cells(self.arms)] = votes.won

    def forward(self, embedding: Tensor, tradeoff: Tensor | None = None) -> Estimates[Tensor]:
        """See `Estimator.forward`; spread is unknown."""
        similarity = normalised(embedding) @ self.index.T  # (B, N)
        nearest = similarity.amax(dim=1, keepdim=True).clamp(min=1e-6)
        weight = (log(self.gamma) * (1 + similarity / nearest)).exp()
        strength = bradley_terry(self._weighted_wins(weight), self.steps, self.prior)
        return Estimates(strength.sigmoid(), self.usage(embedding), torch.zeros_like(strength))

    def _weighted_wins(self, weight: Tensor) -> Tensor:
        if self.cell.shape[1]:
            return weighted_wins(weight, self.won, self.cell, self.arms)
        return (weight @ self.wins).reshape(-1, self.arms, self.arms)  # (B, A, A)
