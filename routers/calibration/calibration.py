"""The calibration contract: an estimator's quality in, the quality to expect out."""

from abc import ABC, abstractmethod

from torch import Tensor, nn

from anabranch.routers.estimates import QualityKind

EDGE = 1e-3  # the log odds of qualities nearer to 0 or 1 are rounding, which the graph would magnify


class Calibration(nn.Module, ABC):
    """A non-decreasing map of each arm's estimates into [0, 1]; a subclass is final.

    Everything fitted is a buffer, so that one state dict restores it.

    Args:
        arms: A.
        kind: what the estimates mean; of all but scores the log odds are taken.
    """

    def __init__(self, arms: int, kind: QualityKind) -> None:
        super().__init__()
        self.arms = arms
        self.kind = kind

    @abstractmethod
    def fit(self, estimated: Tensor, observed: Tensor) -> None:
        """Set the buffers; estimated (N, A) of this kind, observed (N, A) in [0, 1], NaN in either is left out."""

    @abstractmethod
    def forward(self, quality: Tensor) -> Tensor:
        """Expected quality in [0, 1]; (B, A) -> (B, A)."""

    def logits(self, quality: Tensor) -> Tensor:
        """Scores as they are, log odds of anything else; any shape."""
        if self.kind == "score":
            return quality
        inside = quality.clamp(EDGE, 1 - EDGE)
        return (inside / (1 - inside)).log()


def known_cells(estimated: Tensor, observed: Tensor) -> tuple[Tensor, Tensor]:
    """The cells where both are known, in float64; any one shape -> two (n,)."""
    known = ~(estimated.isnan() | observed.isnan())
    return estimated[known].double(), observed[known].double()


def cells_by_arm(estimated: Tensor, observed: Tensor, enough: int) -> list[tuple[Tensor, Tensor]]:
    """The known cells of each arm; those of all arms together for an arm that has fewer than `enough`.

    >>> import torch
    >>> cells = cells_by_arm(torch.tensor([[0.1, 0.2], [0.3, torch.nan]]), torch.ones(2, 2), enough=2)
    >>> [len(estimated) for estimated, _ in cells]
    [2, 3]
    """
    shared = known_cells(estimated, observed)
    columns = zip(estimated.T, observed.T, strict=True)
    own = [known_cells(*column) for column in columns]
    return [cells if len(cells[0]) >= enough else shared for cells in own]
