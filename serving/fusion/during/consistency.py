"""How far models agree with their mean, token by token, and what that says of each of them (CoRE)."""

from collections.abc import Callable
from dataclasses import dataclass
from math import exp

import torch
from torch import Tensor

TINY = torch.finfo(torch.float32).tiny
ROUNDING = 1e-6  # of a score, which is 0 to 1


@dataclass(frozen=True)
class Consistency:
    """Scores of tokens and weights of models; all of them for n texts, M models and K symbols.

    Source: arXiv 2510.13855; zhichenz98/CoRE-EACL26@31dec463.

    Args:
        kind: how a distance d from the mean, 0 to 1, becomes a score: `linear` 1 - d, `power` (1 - d)^alpha, `rbf`
            exp(-beta d) from its value at 1 on, in shares of what lies between, `rec` 1 / (1 + gamma d) likewise from
            the lowest value of the text on.
        beta: of `rbf`.
        alpha: of `power`.
        gamma: of `rec`.
        eps: a symbol to which a model and the main model together give no more is scored 0.
        least_entropy: nats; a model that is surer counts as this sure.

    Raises:
        ValueError: an unknown kind, or a number that is not above 0.

    >>> p = torch.tensor([[[0.75, 0.25], [0.25, 0.75]]])
    >>> score = Consistency("linear").of_tokens(p, torch.tensor([0]), torch.tensor([[True, True]]))
    >>> score.tolist()
    [[[0.75, 0.75], [0.75, 0.75]]]
    """

    kind: str = "rbf"
    beta: float = 2.0
    alpha: float = 5.0
    gamma: float = 1.0
    eps: float = 1e-12
    least_entropy: float = 1e-3

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"unknown kind of consistency {self.kind!r}; known: {', '.join(KINDS)}")
        numbers = {name: value for name, value in vars(self).items() if name != "kind"}
        if not all(0 < value < float("inf") for value in numbers.values()):
            raise ValueError(f"{numbers}: each of them must be above 0")

    def of_tokens(self, p: Tensor, main: Tensor, alive: Tensor) -> Tensor:
        """Scores from 0 on, (n, M, K).

        Args:
            p: probabilities (n, M, K).
            main: int64 (n,), the place of the main model.
            alive: bool (n, M), which models have a say.
        """
        among = alive[:, :, None]
        mean = p.where(among, 0.0).sum(dim=1, keepdim=True) / among.sum(dim=1, keepdim=True)
        distance = (p - mean).abs().where(among, 0.0)
        possible = among & (p + of_main(p, main)[:, None] > self.eps)
        score = KINDS[self.kind](distance, self)
        # it matters how many are 0, and the farthest of two models are as far, which rounding may hide
        return score.where(possible & (score > ROUNDING), 0.0)

    def of_models(self, scores: Tensor, p: Tensor, main: Tensor, weights: Tensor) -> Tensor:
        """Weights (n, M) that sum to 1, of which the main model has half or more.

        Args:
            scores: of tokens, (n, M, K).
            p: probabilities (n, M, K).
            main: int64 (n,).
            weights: (n, M), what models weigh beforehand.
        """
        mass = p / p.sum(dim=2, keepdim=True).clamp(min=self.eps)
        entropy = -torch.xlogy(mass, mass).sum(dim=2).clamp(max=-self.least_entropy)  # (n, M)
        found = weights * scores.sum(dim=2) / entropy
        mine = main[:, None]
        own = found.gather(1, mine)
        # where nobody has any score, the main model has it all
        least = (found.sum(dim=1, keepdim=True) - own).clamp(min=TINY)
        found = found.scatter(1, mine, torch.maximum(own, least))
        return found / found.sum(dim=1, keepdim=True)


def rescaled(scores: Tensor) -> Tensor:
    """Scores (n, M, K) whose mean over those that are not 0 is 1, for each model.

    >>> rescaled(torch.tensor([[[0.0, 1.0, 3.0]]])).tolist()
    [[[0.0, 0.5, 1.5]]]
    """
    count = (scores != 0).sum(dim=2, keepdim=True)
    return scores * count / scores.sum(dim=2, keepdim=True).clamp(min=TINY)


def of_main(p: Tensor, main: Tensor) -> Tensor:
    """What is the main model's, (n, K), of what is all models', (n, M, K)."""
    return p.gather(1, main[:, None, None].expand(-1, 1, p.shape[2]))[:, 0]


def _rbf(distance: Tensor, how: Consistency) -> Tensor:
    last = exp(-how.beta)
    return ((-how.beta * distance).exp() - last).clamp(min=0.0) / (1 - last)


def _rec(distance: Tensor, how: Consistency) -> Tensor:
    value = 1 / (1 + how.gamma * distance)
    # the highest is 1: of all the tokens that nobody named, which the authors score as well
    spread = 1 - value.amin(dim=(1, 2), keepdim=True)
    return torch.where(spread > ROUNDING, 1 - (1 - value) / spread.clamp(min=ROUNDING), 1.0)


KINDS: dict[str, Callable[[Tensor, Consistency], Tensor]] = {
    "linear": lambda distance, how: 1 - distance,
    "power": lambda distance, how: (1 - distance).clamp(min=0.0) ** how.alpha,
    "rbf": _rbf,
    "rec": _rec,
}
