"""Networks that learn the gain from the next model, several at once."""

from typing import Literal, NamedTuple

import torch
from torch import Tensor, nn

from anabranch.routers.deferral.network_signal import FARTHEST, NetworkSignal

Loss = Literal["squared", "cross-entropy"]


class GainBatch(NamedTuple):
    """What B answers teach K networks, and which of them choose the epoch of each.

    Attributes:
        features: float32 [B, F].
        gain: float32 [B].
        teaches: float32 [B, K], weight of the answer in what each network learns.
        chooses: float32 [B, K], its weight in the choice of each network's epoch.
    """

    features: Tensor
    gain: Tensor
    teaches: Tensor
    chooses: Tensor


class GainNetworks(nn.Module):
    """K networks of one hidden layer each on standardised features. They start at the mean, and share nothing.

    All are trained at once: a step of K small networks takes hardly longer than a step of one.

    Args:
        networks: K.
        features: F.
        hidden: H, units of a hidden layer.
        loss: "squared" learns the gain; "cross-entropy" the log-odds that there is any.
    """

    means: Tensor
    scales: Tensor

    def __init__(self, networks: int, features: int, hidden: int, loss: Loss = "squared") -> None:
        super().__init__()
        self.loss = loss
        self.register_buffer("means", torch.zeros(networks, features))
        self.register_buffer("scales", torch.ones(networks, features))
        # all start alike, so that what one learns does not depend on how many there are
        first = nn.Linear(features, hidden)
        self.hidden = nn.Parameter(first.weight.detach().repeat(networks, 1, 1))
        self.hidden_bias = nn.Parameter(first.bias.detach().repeat(networks, 1))
        self.weights = nn.Parameter(torch.zeros(networks, hidden))
        self.bias = nn.Parameter(torch.zeros(networks))

    def start(self, means: Tensor, scales: Tensor, batch: GainBatch) -> None:
        """Take the scales of the features, and the mean of what is learned as what is known before it is.

        Args:
            means: [K, F], of the features.
            scales: [K, F], above 0.
            batch: all that teach; each network is taught by one or more.
        """
        middle = self._aim(batch) @ batch.teaches / batch.teaches.sum(dim=0)
        with torch.no_grad():
            self.means.copy_(means)
            self.scales.copy_(scales)
            self.bias.copy_(middle if self.loss == "squared" else middle.clamp(0.01, 0.99).logit())

    def forward(self, features: Tensor) -> Tensor:
        """The gain, or its log-odds, by each network, (B, K), of features (B, F)."""
        z = ((features[:, None] - self.means) / self.scales).clamp(-FARTHEST, FARTHEST)  # (B, K, F)
        units = (torch.einsum("bkf,khf->bkh", z, self.hidden) + self.hidden_bias).relu()
        found: Tensor = (units * self.weights).sum(dim=2) + self.bias
        return found

    def errors(self, batch: GainBatch) -> Tensor:
        """Of each network on each answer, (B, K)."""
        found, aim = self(batch.features), self._aim(batch)[:, None]
        if self.loss == "squared":
            return nn.functional.mse_loss(found, aim.expand_as(found), reduction="none")
        return nn.functional.binary_cross_entropy_with_logits(found, aim.expand_as(found), reduction="none")

    def signal(self, network: int, signals: tuple[str, ...], estimates: tuple[int, ...]) -> NetworkSignal:
        """One of them for serving; the more there is to gain, the less sure the answer."""
        rows = (self.means, self.scales, self.hidden_bias, -self.weights)
        means, scales, hidden_bias, weights = (tuple(row[network].tolist()) for row in rows)
        hidden = tuple(map(tuple, self.hidden[network].tolist()))
        bias = -self.bias[network].item()
        return NetworkSignal(signals, estimates, means, scales, hidden, hidden_bias, weights, bias)

    def _aim(self, batch: GainBatch) -> Tensor:
        return batch.gain if self.loss == "squared" else (batch.gain > 0).float()
