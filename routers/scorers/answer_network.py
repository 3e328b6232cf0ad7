"""The network of an answer scorer: embeddings and facts of an answer to the log-odds that it is right."""

import torch
from torch import Tensor, nn

from anabranch.routers.estimators.estimator import normalised

SMALLEST_SPREAD = 1e-6
FARTHEST = 5.0  # standard deviations; what lies farther away tells no more


class AnswerNetwork(nn.Module):
    """One hidden layer beside each model's own log-odds, from which it starts.

    Args:
        width: D, of an embedding.
        parts: K, embeddings of an answer.
        facts: F.
        models: M.
        hidden: units of the hidden layer.
        dropout: share of inputs and of hidden units dropped in training.
    """

    centre: Tensor
    spread: Tensor
    one_hot: Tensor

    def __init__(
        self, width: int, parts: int, facts: int, models: int, *, hidden: int = 64, dropout: float = 0.2
    ) -> None:
        super().__init__()
        self.register_buffer("centre", torch.zeros(facts))
        self.register_buffer("spread", torch.ones(facts))
        self.register_buffer("one_hot", torch.eye(models), persistent=False)
        self.odds = nn.Parameter(torch.zeros(models))
        self.trunk = nn.Sequential(
            nn.Dropout(dropout),
            nn.Linear(parts * width + 2 * facts + models, hidden),
            nn.ReLU(),
            nn.Dropout(dropout),
        )
        self.change = nn.Linear(hidden, 1)
        nn.init.zeros_(self.change.weight)
        nn.init.zeros_(self.change.bias)

    def start(self, facts: Tensor, model: Tensor, quality: Tensor) -> None:
        """Take the scale of facts, and each model's average as what is known before anything is learnt.

        Args:
            facts: float32 [B, F], B of 1 or more; NaN is not known.
            model: int64 [B]; a model without answers gets the average of all.
            quality: float32 [B] in [0, 1].
        """
        known = ~facts.isnan()
        count = known.sum(dim=0).clamp(min=1)
        centre = facts.nan_to_num(0.0).double().sum(dim=0) / count
        variance = ((facts - centre).nan_to_num(0.0) ** 2).sum(dim=0) / count
        self.centre.copy_(centre)
        self.spread.copy_(variance.sqrt().clamp(min=SMALLEST_SPREAD))
        answers = self.one_hot[model]  # (B, M)
        mean = (quality @ answers + quality.mean()) / (answers.sum(dim=0) + 1)
        with torch.no_grad():
            self.odds.copy_(mean.clamp(0.01, 0.99).logit())

    def forward(self, embedding: Tensor, facts: Tensor, model: Tensor) -> Tensor:
        """Log-odds (B,); embedding (B, K, D), facts (B, F) with NaN for unknown, model (B,) int64."""
        unknown = facts.isnan()
        scaled = torch.where(unknown, torch.zeros_like(facts), (facts - self.centre) / self.spread)
        who = self.one_hot[model]  # (B, M)
        parts = (normalised(embedding).flatten(1), scaled.clamp(-FARTHEST, FARTHEST), unknown.to(facts.dtype), who)
        change: Tensor = self.change(self.trunk(torch.cat(parts, dim=1)))
        return who @ self.odds + change.squeeze(1)
