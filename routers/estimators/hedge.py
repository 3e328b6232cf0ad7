"""How far a router goes on prompts unlike those it learnt from."""

from dataclasses import dataclass
from statistics import NormalDist

import torch
from torch import Tensor, nn

ALPHA = 0.05


@dataclass(frozen=True)
class Rung:
    """One degree of caution.

    Args:
        near: share of unseen training prompts that are fully familiar, see `Familiarity`; 0 treats all as unfamiliar.
        far: share that is familiar at all.
        keep: share of its departures from the averages that a router keeps where nothing is familiar.
        demand: how much better than the default arm another must be estimated there; in units of quality.
    """

    near: float
    far: float
    keep: float
    demand: float


LADDER = (
    Rung(0.95, 0.99, 0.5, 0.05),
    Rung(0.90, 0.98, 0.5, 0.05),
    Rung(0.75, 0.95, 0.5, 0.05),
    Rung(0.50, 0.90, 0.5, 0.05),
    Rung(0.25, 0.75, 0.5, 0.10),
    Rung(0.0, 0.0, 0.5, 0.05),
    Rung(0.0, 0.0, 0.5, 0.10),
)
"""From the least caution to the most."""

FEW_TASKS = 5
"""Below so many the next task may well be the first to contradict those there are."""

_FEW, _FLAT = 3, 5  # where few tasks begin; from where on every prompt is treated alike


def ladder_of(arms: int, tasks: int) -> tuple[Rung, ...]:
    """The rungs to try, from the least caution on; a single task, which cannot be left out, ends at the first.

    For a pair every prompt is treated alike: that changes when the default arm is left, and leaves the order in which
    prompts are given to it, which is all that a pair's threshold reads.

    >>> len(ladder_of(arms=9, tasks=12)), ladder_of(arms=9, tasks=2)[0].near, ladder_of(arms=2, tasks=12)[0].near
    (7, 0.5, 0.0)
    """
    if arms == 2:
        return LADDER[_FLAT:]
    return LADDER[_FEW:] if tasks < FEW_TASKS else LADDER


class Hedge(nn.Module):
    """Departures from the arms' averages, kept in full where a prompt is familiar and cut down where it is not.

    Args:
        arms: A.
    """

    mean: Tensor
    default: Tensor
    caution: Tensor

    def __init__(self, arms: int) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(arms))
        self.register_buffer("default", torch.zeros(arms))  # one-hot
        self.register_buffer("caution", torch.tensor([1.0, 0.0]))  # keep, demand

    def set(self, mean: Tensor, rung: Rung) -> None:
        """Take the arms' averages [A]; the best of them is the default arm."""
        self.mean = mean
        best = mean.nan_to_num(-1.0).argmax()
        self.default = nn.functional.one_hot(best, len(mean)).to(mean)
        self.caution = torch.tensor([rung.keep, rung.demand])

    def forward(self, departure: Tensor, familiar: Tensor) -> Tensor:
        """Quality in [0, 1] from departures (B, A) and familiarity (B,)."""
        trust = familiar.unsqueeze(1)
        keep = self.caution[0] + (1 - self.caution[0]) * trust
        toll = self.caution[1] * (1 - trust) * (1 - self.default)
        return (self.mean + keep * departure - toll).clamp(0.0, 1.0)


def significantly_worse(gains: list[Tensor]) -> bool:
    """Whether the mean gain of any task is significantly below 0, by Holm's correction over the tasks, one-sided.

    Args:
        gains: one tensor of paired differences a task.

    >>> significantly_worse([torch.tensor([-0.5, -0.6, -0.4, -0.5]), torch.tensor([0.1, 0.0])])
    True
    """
    # Holm's first step decides: where the smallest chance is no finding, none is
    return min(map(_chance, gains)) <= ALPHA / len(gains)


def _chance(gain: Tensor) -> float:
    """P of a mean as low as this if the true mean is 0, by the normal approximation, or the sign test."""
    if len(gain) < 2:
        return 1.0
    mean, spread = float(gain.double().mean()), float(gain.double().std()) / len(gain) ** 0.5
    # equal gains have no spread to compare with; then their signs alone speak
    return NormalDist().cdf(mean / spread) if spread > 0 else 0.5 ** len(gain) if mean < 0 else 1.0
