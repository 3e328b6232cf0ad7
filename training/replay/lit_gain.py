"""How networks that learn the gain descend, each by itself."""

from dataclasses import dataclass
from typing import Any

import torch
from pytorch_lightning import Callback, LightningModule, Trainer
from torch import Tensor

from anabranch.routers.estimators.estimator import Descent
from anabranch.training.lit_router import falling_adamw
from anabranch.training.replay.gain_networks import GainBatch, GainNetworks


@dataclass(frozen=True, eq=False)
class GainExamples:
    """C answers, to cut batches of."""

    whole: GainBatch

    def __len__(self) -> int:
        return len(self.whole.gain)

    def batch(self, rows: list[int]) -> GainBatch:
        """The batch of these rows."""
        return GainBatch(*(part[rows] for part in self.whole))


class LitGain(LightningModule):
    """Epoch 0 leaves the networks as they start, at the mean; later ones descend.

    Args:
        networks: they have started.
        descent: how.
    """

    def __init__(self, networks: GainNetworks, descent: Descent) -> None:
        super().__init__()
        self.networks = networks
        self.descent = descent

    def training_step(self, batch: GainBatch, step: int) -> Tensor | None:
        """The mean losses of all networks, added up; none in epoch 0."""
        if self.current_epoch == 0:
            return None
        total = batch.teaches.sum(dim=0).clamp(min=torch.finfo().tiny)  # a batch may teach a network nothing
        return ((self.networks.errors(batch) * batch.teaches).sum(dim=0) / total).sum()

    def validation_step(self, batch: GainBatch, step: int) -> Tensor:
        """Each network's errors on what chooses its epoch, [K]."""
        return (self.networks.errors(batch) * batch.chooses).sum(dim=0)

    def configure_optimizers(self) -> Any:
        """AdamW with a rate that falls linearly to 0."""
        return falling_adamw(self, self.descent)


class BestOfEach(Callback):
    """Put back, when training ends, each network as it was in its own best epoch; epoch 0 counts like any other.

    One epoch for all, or an early stop, would tell a network of answers that it must not learn from.
    """

    def __init__(self) -> None:
        self._kept: dict[str, Tensor] = {}
        self._least = torch.tensor(torch.inf)
        self._errors: list[Tensor] = []

    def on_validation_batch_end(self, trainer: Trainer, module: LightningModule, outputs: Any, *batch: Any) -> None:
        """Collect the errors."""
        self._errors.append(outputs.cpu())

    def on_validation_end(self, trainer: Trainer, module: LightningModule) -> None:
        """Keep the networks that were never better.

        Raises:
            ValueError: an error is NaN.
        """
        error = torch.stack(self._errors).sum(dim=0)
        self._errors.clear()
        if error.isnan().any():
            raise ValueError(f"training diverged in epoch {trainer.current_epoch}: errors are NaN; look at the labels")
        better = error < self._least
        self._least = torch.where(better, error, self._least)
        for name, part in module.state_dict().items():
            self._kept.setdefault(name, part.cpu().clone())[better] = part.cpu()[better]

    def on_fit_end(self, trainer: Trainer, module: LightningModule) -> None:
        """Put them back."""
        module.load_state_dict(self._kept)
