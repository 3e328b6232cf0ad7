"""Weights of a mean of routers, fitted to estimates of prompts that they had not seen."""

import torch
from torch import Tensor

SWEEPS = 500


def contrasts(values: Tensor) -> Tensor:
    """Each row less its mean over the known arms: what routing can use. float [..., N, A]; NaN stays unknown.

    How hard a prompt is for all arms moves every estimate of the row alike and changes no decision; it is most of the
    variance, so a loss that counts it ranks routers by what does not matter.

    >>> contrasts(torch.tensor([[1.0, 0.0, float("nan")]])).tolist()
    [[0.5, -0.5, nan]]
    """
    return values - values.nanmean(dim=-1, keepdim=True)


def stacking_weights(departure: Tensor, target: Tensor, shrinkage: float) -> Tensor:
    """Non-negative least squares: weights w >= 0 of members' departures that come closest to the target.

    Args:
        departure: float [M, N, C], what each member says beyond what is known without the prompt.
        target: float [N, C], what was observed beyond it; NaN is unknown.
        shrinkage: ridge penalty, as a share of the members' mean square; it divides weight among members alike.

    Returns:
        Tensor: float64 [M]; all 0 where no member helps.

    >>> target = torch.tensor([[1.0], [-1.0]])
    >>> stacking_weights(torch.stack([target, -target]), target, shrinkage=0.0).round(decimals=6).tolist()
    [1.0, 0.0]
    """
    known = ~target.isnan()
    said, seen = departure[:, known].double(), target[known].double()  # (M, K), (K,)
    gram, match = said @ said.T, said @ seen
    gram = gram + (shrinkage * gram.diagonal().mean() + 1e-12) * torch.eye(len(gram), dtype=torch.float64)
    weight = torch.zeros_like(match)
    for _ in range(SWEEPS):  # one coordinate after another, each at its best
        for member in range(len(weight)):
            rest = match[member] - gram[member] @ weight + gram[member, member] * weight[member]
            weight[member] = (rest / gram[member, member]).clamp(min=0.0)
    return weight
