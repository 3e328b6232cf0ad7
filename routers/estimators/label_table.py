"""Mean outcomes of every label: the part of all routers that first say what kind of prompt it is."""

import torch
from torch import Tensor, nn

from anabranch.routers.estimators.collected import known_mean


class LabelTable(nn.Module):
    """A row a label, shrunk to the overall mean; a prompt reads the sum of the rows of its labels by their weights.

    A prompt without labels teaches only the overall mean, and a label that knows nothing has it. A column that is
    known nowhere is NaN.

    Args:
        columns: C.

    >>> table = LabelTable(1)
    >>> table.set(torch.tensor([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]]), torch.tensor([[1.0], [0.0], [1.0]]), prior=0.0)
    >>> table(torch.tensor([[0.5, 0.5]])).tolist()
    [[0.75]]
    """

    table: Tensor

    def __init__(self, columns: int) -> None:
        super().__init__()
        self.register_buffer("table", torch.zeros(1, columns))

    def set(self, label: Tensor, values: Tensor, prior: float) -> None:
        """Average the prompts of each label.

        Args:
            label: float [N, L], how much each prompt belongs to each label, at least 0.
            values: float [N, C]; NaN is unknown.
            prior: prompts' worth of the overall mean mixed into every row, so that rare labels do not overfit.
        """
        overall = known_mean(values)  # (C,)
        count = label.T @ (~values.isnan()).float()  # (L, C)
        mean = (label.T @ values.nan_to_num(0.0) + prior * overall) / (count + prior).clamp(min=1e-12)
        # without a prior, a label that knows nothing of an arm has only the overall mean
        self.table = torch.where(count + prior > 0, mean, overall)

    def forward(self, weight: Tensor) -> Tensor:
        """Weights (B, L) -> (B, C)."""
        return weight @ self.table
