"""Linear least squares with unknown cells: the part ridge, LinUCB and every linear usage head share."""

from typing import NamedTuple

import torch
from torch import Tensor


class LinearPosterior(NamedTuple):
    """The ridge solution and its uncertainty for A targets on D + 1 features (the last is the constant 1).

    Attributes:
        weight: float64 [D + 1, A].
        factor: float64 [G, D + 1, D + 1], one an arm group; |factor @ x| is the standard deviation over sigma.
        group: int64 [A], the factor that belongs to each arm; arms known on the same prompts share one.
        sigma: float64 [A], residual standard deviation.
    """

    weight: Tensor
    factor: Tensor
    group: Tensor
    sigma: Tensor


def with_constant(embedding: Tensor) -> Tensor:
    """A constant 1 behind each row; (B, D) -> (B, D + 1)."""
    return torch.cat([embedding, torch.ones_like(embedding[:, :1])], dim=1)


def solve_ridge(embedding: Tensor, targets: Tensor, l2: float) -> LinearPosterior:
    """Ridge regression of every column of targets, each on the rows where it is known.

    The features are shrunk, the constant hardly (1e-6 of `l2`), so that no signal gives the mean.

    Args:
        embedding: float [N, D].
        targets: float [N, A]; NaN is unknown. A column with no known cell gets NaN weights.
        l2: strength of the shrinkage, at least 0.

    >>> x = torch.tensor([[-1.0], [1.0]])
    >>> [round(w, 3) for w in solve_ridge(x, torch.tensor([[1.0], [3.0]]), l2=2.0).weight[:, 0].tolist()]
    [0.5, 2.0]
    """
    features = with_constant(embedding.double())  # (N, D + 1)
    values = targets.double()
    known = ~values.isnan()
    masks, group = torch.unique(known, dim=1, return_inverse=True)  # (N, G), (A,)
    penalty = torch.full((features.shape[1],), max(l2, 1e-9), dtype=torch.float64)
    penalty[-1] *= 1e-6
    weight = torch.full((features.shape[1], values.shape[1]), torch.nan, dtype=torch.float64)
    factors = []
    for number, mask in enumerate(masks.T):
        rows = features[mask]
        lower = torch.linalg.cholesky(rows.T @ rows + penalty.diag())
        factors.append(torch.linalg.solve_triangular(lower, torch.eye(len(lower)).double(), upper=False))
        if mask.any():
            columns = group == number
            weight[:, columns] = torch.cholesky_solve(rows.T @ values[mask][:, columns], lower)
    residual = values - features @ weight
    spare = (known.sum(dim=0) - 1).clamp(min=1)
    sigma = ((residual**2).nan_to_num(0.0).sum(dim=0) / spare).sqrt()
    return LinearPosterior(weight, torch.stack(factors), group, sigma)
