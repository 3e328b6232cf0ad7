"""Regret minimisation by one network a node of the trade-off."""

import torch
from torch import Tensor, nn

from anabranch.routers.estimates import Estimates
from anabranch.routers.estimators.collected import ArmMean, Collected
from anabranch.routers.estimators.estimator import Batch, Descent, GradientTrained
from anabranch.routers.estimators.utility import (
    drawn_tradeoffs,
    expected_regret,
    required,
    scaled,
    set_usage,
    utility,
)


class RMInterval(GradientTrained):
    """A network at each node of a grid of trade-offs, their scores interpolated linearly between nodes (RM-Interval).

    Nodes are equal steps of the scaled log odds that RM-Softmax reads, and the loss is its expected regret: a prompt
    at a drawn trade-off teaches the two networks next to it, each by its share.

    Args:
        width: D.
        arms: A.
        nodes: of the grid, at least 2; the first is the cost end, the last the quality end.
        hidden: units of the hidden layer of each network.
        seed: of the trade-offs drawn in training.

    Raises:
        ValueError: there are fewer than two nodes.
    """

    quality_kind = "score"
    reads_tradeoff = True
    policy = "conditioned"
    source = "Causal LLM Routing, NeurIPS 2025"
    specification = "secondary"
    descent = Descent(epochs=60, batch_size=256)

    def __init__(self, width: int, arms: int, *, nodes: int = 6, hidden: int = 128, seed: int = 0) -> None:
        super().__init__(width, arms)
        if nodes < 2:
            raise ValueError(f"rm-interval interpolates between nodes; {nodes} is too few, give it at least 2")
        self.node = nn.ModuleList(
            nn.Sequential(nn.Linear(width, hidden), nn.ReLU(), nn.Linear(hidden, arms)) for _ in range(nodes)
        )
        self.usage = ArmMean(arms)
        self._draws = torch.Generator().manual_seed(seed)
        self._seen = Collected()

    def observe(self, batch: Batch) -> None:
        """Keep the batch."""
        self._seen.add(batch)

    def finalise(self) -> None:
        """Take each arm's mean usage; the priciest is the unit of cost.

        Raises:
            ValueError: no usage is known, so there is nothing to trade off.
        """
        set_usage(self.usage, self._seen.stack().usage, "rm-interval")

    def forward(self, embedding: Tensor, tradeoff: Tensor | None = None) -> Estimates[Tensor]:
        """See `Estimator.forward`; the trade-off is required."""
        share = node_shares(required(tradeoff, "rm-interval"), len(self.node))  # (B, K)
        scores = torch.stack([network(embedding) for network in self.node], dim=1)  # (B, K, A)
        score = (share.unsqueeze(2) * scores).sum(dim=1)
        return Estimates(score, self.usage(embedding), torch.zeros_like(score))

    def loss(self, batch: Batch) -> Tensor:
        """Expected regret at one random trade-off a row; arms with unknown cells are left out of their row."""
        tradeoff = drawn_tradeoffs(len(batch.quality), self._draws if self.training else None).to(batch.quality)
        score = self(batch.embedding, tradeoff).quality
        return expected_regret(score, utility(batch, tradeoff, self.usage.mean))


def node_shares(tradeoff: Tensor, nodes: int) -> Tensor:
    """How much each of K nodes counts at a trade-off: linear between the two next to it, 0 elsewhere; (B,) -> (B, K).

    >>> node_shares(torch.tensor([0.0, 1.0]), nodes=3).tolist()
    [[1.0, 0.0, 0.0], [0.0, 0.0, 1.0]]
    """
    place = (scaled(tradeoff) + 1) / 2 * (nodes - 1)  # (B,)
    return (1 - (place.unsqueeze(1) - torch.arange(nodes, device=place.device)).abs()).relu()
