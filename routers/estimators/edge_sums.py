"""Sums over the edges between training prompts and arms: what a message pass needs, however many edges there are."""

import torch
from torch import Tensor


def edge_sums(prompt: Tensor, edge: Tensor, visible: Tensor) -> Tensor:
    """For each arm, the sum over its visible edges of prompt features, edge features and 1.

    A linear message, averaged over edges, is the message of the averages; so these sums are all that an arm hears.

    Args:
        prompt: float [N, F].
        edge: float [N, A, E].
        visible: bool [N, A].

    Returns:
        Tensor: float [A, F + E + 1].

    >>> prompt, edge = torch.tensor([[3.0], [4.0]]), torch.tensor([[[0.5]], [[1.0]]])
    >>> edge_sums(prompt, edge, torch.tensor([[True], [True]])).tolist()
    [[7.0, 1.5, 2.0]]
    """
    weight = visible.to(prompt.dtype)
    heard = (weight.unsqueeze(2) * edge).sum(dim=0)  # (A, E)
    return torch.cat([weight.T @ prompt, heard, weight.sum(dim=0).unsqueeze(1)], dim=1)


def averages(sums: Tensor) -> Tensor:
    """Sums (A, F + E + 1) over their count; 0 for an arm without a visible edge. -> (A, F + E)."""
    return sums[:, :-1] / sums[:, -1:].clamp(min=1.0)


class MaskedEdges:
    """Training edges in random groups, whole groups of which a step hides; it costs the same for any number of edges.

    Args:
        prompt: float [N, F].
        edge: float [N, A, E].
        known: bool [N, A], which edges there are.
        groups: G.
        draws: for the groups.
    """

    def __init__(self, prompt: Tensor, edge: Tensor, known: Tensor, groups: int, draws: torch.Generator) -> None:
        self.group = torch.randint(groups, known.shape, generator=draws)  # (N, A)
        self.sums = torch.stack(
            [edge_sums(prompt, edge, known & (self.group == number)) for number in range(groups)]
        )  # (G, A, F + E + 1)

    def visible(self, row: Tensor, prompt: Tensor, edge: Tensor, known: Tensor, kept: Tensor) -> Tensor:
        """Averages over the edges of the kept groups, without those of a batch of training prompts, (A, F + E).

        Args:
            row: int64 [B], rows of the training set.
            prompt: float [B, F].
            edge: float [B, A, E].
            known: bool [B, A].
            kept: bool [G].
        """
        own = kept[self.group[row.cpu()]].to(known.device) & known
        kept_sums = self.sums[kept].sum(dim=0).to(prompt.device)
        return averages(kept_sums - edge_sums(prompt, edge, own))
