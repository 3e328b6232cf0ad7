"""What estimators that learn from votes share."""

from torch import Tensor
from torch.nn import functional


def without_ties(wins: Tensor) -> Tensor:
    """What each arm won of a pair beyond what it lost; (B, A, A) -> (B, A, A).

    A tie, half each way, is gone. Votes on one prompt that contradict each other cancel like a tie, as their sum
    cannot be told from one.

    >>> import torch
    >>> without_ties(torch.tensor([[[0.0, 2.5], [0.5, 0.0]]])).tolist()
    [[[0.0, 2.0], [0.0, 0.0]]]
    """
    return (wins - wins.transpose(1, 2)).relu()


def require_votes(wins: Tensor, router: str, arms: int) -> None:
    """Refuse to learn from no votes; wins of any shape, at least 0.

    Raises:
        ValueError: no prompt has any.
    """
    if not (wins > 0).any():
        raise ValueError(
            f"{router} learns from votes between arms, and no training prompt has one (arms: {arms}); "
            "a router that learns from outcomes, such as knn, needs none"
        )


def vote_loss(strength: Tensor, wins: Tensor) -> Tensor:
    """-log sigmoid(s_winner - s_loser), averaged over the weight of the votes; 0 if there is none.

    Args:
        strength: float [B, A], s.
        wins: float [B, A, A], weight of the votes for the row's arm over the column's.

    >>> import torch
    >>> tie = torch.tensor([[[0.0, 0.5], [0.5, 0.0]]])
    >>> round(float(vote_loss(torch.tensor([[1.0, 0.0]]), tie)), 4)  # (log(1 + e^-1) + log(1 + e)) / 2
    0.8133
    """
    margin = strength.unsqueeze(2) - strength.unsqueeze(1)  # (B, A, A)
    return -(functional.logsigmoid(margin) * wins).sum() / wins.sum().clamp(min=1e-12)
