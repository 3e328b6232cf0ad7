"""Noise on the embedding in training."""

import torch
from torch import Tensor, nn


class EmbeddingNoise(nn.Module):
    """Add normal noise to every coordinate in training, so that no single prompt is learnt by heart.

    Args:
        deviation: standard deviation, in units of the embedding's coordinates; 0 adds nothing.
        draws: source of the noise.

    >>> noise = EmbeddingNoise(0.5, torch.Generator().manual_seed(0))
    >>> noise.eval()(torch.ones(1, 2)).tolist()
    [[1.0, 1.0]]
    """

    def __init__(self, deviation: float, draws: torch.Generator) -> None:
        super().__init__()
        self.deviation = deviation
        self._draws = draws

    def forward(self, embedding: Tensor) -> Tensor:
        """The embedding (B, D), with noise in training mode."""
        if not self.training or self.deviation == 0:
            return embedding
        # drawn in main memory, so that a seed means the same on every device
        noise = torch.randn(embedding.shape, generator=self._draws).to(embedding)
        return embedding + self.deviation * noise
