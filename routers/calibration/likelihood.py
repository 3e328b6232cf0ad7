"""The sigmoid that makes observations likeliest, by Newton's method."""

import torch
from torch import Tensor

STEPS = 100


def smoothed(observed: Tensor) -> Tensor:
    """Platt's targets: as if one more success and one more failure had been seen; (n,) in [0, 1] -> (n,).

    They keep the fit finite where a threshold separates successes from failures.

    >>> smoothed(torch.tensor([1.0, 1.0, 0.0])).tolist()
    [0.75, 0.75, 0.3333333432674408]
    """
    good, bad = observed.sum(), (1 - observed).sum()
    return observed * (good + 1) / (good + 2) + (1 - observed) / (bad + 2)


def sigmoid_fit(features: Tensor, target: Tensor) -> Tensor:
    """The weights w that minimise the log-loss of sigmoid(features w) on targets in (0, 1).

    Args:
        features: float64 [n, K], not all 0.
        target: float64 [n].

    Returns:
        Tensor: float64 [K].

    >>> sigmoid_fit(torch.ones(4, 1).double(), torch.tensor([0.75, 0.75, 0.75, 0.75]).double()).exp().round().tolist()
    [3.0]
    """
    weight = features.new_zeros(features.shape[1])
    # a trace of shrinkage, for features that say the same
    ridge = 1e-9 * torch.eye(len(weight), dtype=torch.float64)
    for _ in range(STEPS):
        chance = (features @ weight).sigmoid()
        gradient = features.T @ (chance - target)
        curvature = features.T @ (features * (chance * (1 - chance)).unsqueeze(1))
        step = torch.linalg.solve(curvature + ridge * curvature.trace().clamp(min=1e-9), gradient)
        shrink = 1.0
        while shrink > 1e-6 and _loss(features, target, weight - shrink * step) > _loss(features, target, weight):
            shrink /= 2
        weight = weight - shrink * step
        if float(step.abs().max()) < 1e-10:
            break
    return weight


def _loss(features: Tensor, target: Tensor, weight: Tensor) -> float:
    logits = features @ weight
    return float((torch.nn.functional.softplus(logits) - target * logits).sum())
