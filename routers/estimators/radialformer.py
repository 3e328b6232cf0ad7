"""A star-shaped transformer: a relay in the middle, satellites that see only themselves and the relay."""

import torch
from torch import Tensor, nn


class StarAttention(nn.Module):
    """LayerNorm(ReLU(multi-head attention)) of a centre over its own context, without a residual path.

    Args:
        width: W, a multiple of `heads`.
        heads: H.

    Raises:
        ValueError: the width cannot be shared out among the heads.
    """

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        if width % heads:
            raise ValueError(f"a state of {width} cannot be split among {heads} heads: take a multiple of {heads}")
        self.heads = heads
        self.query = nn.Linear(width, width)
        self.key = nn.Linear(width, width)
        self.value = nn.Linear(width, width)
        self.out = nn.Linear(width, width)
        self.norm = nn.LayerNorm(width)

    def forward(self, centre: Tensor, *context: Tensor) -> Tensor:
        """Centres (..., W), each attending to all of its context, parts that expand to (..., C, W) -> (..., W)."""
        query = self._split(self.query(centre)).unsqueeze(-3)  # (..., 1, H, W / H)
        key, value = (self._projected(part, centre, context) for part in (self.key, self.value))  # (..., C, H, W / H)
        weight = ((query * key).sum(dim=-1, keepdim=True) / query.shape[-1] ** 0.5).softmax(dim=-3)  # (..., C, H, 1)
        seen = (weight * value).sum(dim=-3).flatten(-2)  # (..., W)
        attended: Tensor = self.norm(self.out(seen).relu())
        return attended

    def _projected(self, project: nn.Linear, centre: Tensor, context: tuple[Tensor, ...]) -> Tensor:
        """Keys or values of the context; a part that many centres share is projected once. -> (..., C, H, W / H)."""
        batch = centre.shape[:-1]
        return self._split(torch.cat([project(part).expand(*batch, -1, -1) for part in context], dim=-2))

    def _split(self, row: Tensor) -> Tensor:
        """(..., W) -> (..., H, W / H)."""
        return row.reshape(*row.shape[:-1], self.heads, row.shape[-1] // self.heads)


class RadialFormer(nn.Module):
    """Layers in which satellites read themselves, where they began and the relay, then the relay reads them all.

    Args:
        width: W.
        heads: of attention.
        layers: T.
    """

    def __init__(self, width: int, heads: int, layers: int) -> None:
        super().__init__()
        self.satellite = nn.ModuleList(StarAttention(width, heads) for _ in range(layers))
        # what the last relay says nobody reads, so the last layer has none
        self.relay = nn.ModuleList(StarAttention(width, heads) for _ in range(layers - 1))

    def forward(self, relay: Tensor, start: Tensor) -> Tensor:
        """Relay (B, W) and starting satellites (A, W) -> satellites (B, A, W)."""
        satellites = start.expand(relay.shape[0], -1, -1)  # (B, A, W)
        for layer, attend in enumerate(self.satellite):
            satellites = attend(satellites, satellites.unsqueeze(2), start.unsqueeze(1), relay[:, None, None])
            if layer < len(self.relay):
                relay = self.relay[layer](relay, relay.unsqueeze(1), satellites)
        return satellites
