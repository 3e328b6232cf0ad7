"""Neural item response, monotone in ability."""

from torch import Tensor, nn
from torch.nn import functional

STRONGEST = 9.0  # the discrimination of a prompt lies between 0 and this


class NeuralItemResponse(nn.Module):
    """Log odds by a small network on how far each ability exceeds the prompt's difficulty (NIRT).

    The network reads x = s(e) r(e) * (sigmoid(ability_m) - sigmoid(D e)), with discrimination s and relevance r of
    each ability. Relevance is a softmax on the prompt alone, learnt here; in the paper it comes from clusters of
    prompts whose abilities a language model named. Gates and network weights are never negative and tanh rises, so
    that more ability never hurts.

    Args:
        width: D.
        factors: F, abilities.
        hidden: units of the hidden layer.
        dropout: share of hidden units dropped in training.
    """

    def __init__(self, width: int, factors: int, hidden: int, dropout: float) -> None:
        super().__init__()
        self.discrimination = nn.Linear(width, 1)
        self.difficulty = nn.Linear(width, factors)
        self.relevance = nn.Linear(width, factors)
        self.lift = NonNegativeLinear(factors, hidden)
        self.dropout = nn.Dropout(dropout)
        self.join = NonNegativeLinear(hidden, 1)

    def forward(self, embedding: Tensor, ability: Tensor) -> Tensor:
        """Log odds of a right answer; embedding (B, D), ability (A, F) -> (B, A)."""
        strength = STRONGEST * self.discrimination(embedding).sigmoid()  # (B, 1)
        gate = strength * self.relevance(embedding).softmax(dim=1)  # (B, F)
        excess = ability.sigmoid() - self.difficulty(embedding).sigmoid().unsqueeze(1)  # (B, A, F)
        units = self.dropout(self.lift(gate.unsqueeze(1) * excess).tanh())  # (B, A, hidden)
        logits: Tensor = self.join(units).squeeze(2)
        return logits


class NonNegativeLinear(nn.Linear):
    """An affine map whose weights count by their size, so that it never falls in any input."""

    def forward(self, input: Tensor) -> Tensor:
        """|W| x + b; (..., in) -> (..., out)."""
        return functional.linear(input, self.weight.abs(), self.bias)
