"""Labels discovered in the training prompts: their k-means clusters."""

from torch import Tensor

from anabranch.routers.estimators.kmeans import kmeans


def closeness(unit: Tensor, centres: Tensor) -> Tensor:
    """How near unit rows are to centres, higher is nearer; (B, D), (K, D) -> (B, K).

    >>> import torch
    >>> closeness(torch.tensor([[1.0, 0.0]]), torch.tensor([[1.0, 0.0], [0.0, 1.0]])).tolist()
    [[0.5, -0.5]]
    """
    # |e - c|^2 = 1 - 2 e.c + |c|^2 for unit e
    return unit @ centres.T - 0.5 * (centres**2).sum(dim=1)


def discovered(unit: Tensor, clusters: int, seed: int) -> Tensor:
    """The cluster of each unit row under k-means; (N, D) -> int64 (N,)."""
    return closeness(unit, kmeans(unit, clusters, seed)).argmax(dim=1)


def rank_weight(score: Tensor, ranks: int, decay: float) -> Tensor:
    """decay^rank for the `ranks` highest scores of a row, 0 for the others, summing to 1; (B, K) -> (B, K).

    Equal scores share the better rank, so the order in which a runtime sorts them does not matter.

    >>> import torch
    >>> rank_weight(torch.tensor([[0.3, 0.9, 0.1]]), ranks=2, decay=0.5).tolist()
    [[0.3333333432674408, 0.6666666865348816, 0.0]]
    """
    rank = (score.unsqueeze(1) > score.unsqueeze(2)).to(score.dtype).sum(dim=2)  # (B, K)
    weight = decay**rank * (rank < ranks)
    return weight / weight.sum(dim=1, keepdim=True)
