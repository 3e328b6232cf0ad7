"""Convex losses, minimised to convergence."""

from collections.abc import Callable

import torch
from torch import Tensor


def minimised(loss: Callable[[Tensor], Tensor], rows: int, columns: int) -> Tensor:
    """The weights, float64 (rows, columns), at which a smooth convex loss is least, by L-BFGS from zeros.

    >>> minimised(lambda w: ((w - 3.0) ** 2).sum(), 1, 2).round(decimals=4).tolist()
    [[3.0, 3.0]]
    """
    weight = torch.zeros(rows, columns, dtype=torch.float64, requires_grad=True)
    # the steps after the largest slope is this small move no weight by 1e-3, and with many weights they are most steps
    slope = max(1e-6, 1e-7 * rows * columns)
    optimiser = torch.optim.LBFGS([weight], max_iter=200, tolerance_grad=slope, line_search_fn="strong_wolfe")

    def closure() -> Tensor:
        optimiser.zero_grad()
        total = loss(weight)
        torch.autograd.backward(total)
        return total

    optimiser.step(closure)  # type: ignore[no-untyped-call]
    return weight.detach()
