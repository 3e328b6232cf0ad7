"""The one LightningModule: an encoder and an estimator, closed-form or gradient-trained."""

from typing import Any

import torch
from pytorch_lightning import LightningModule
from torch import Tensor

from anabranch.routers.encoders.encoder import Encoder
from anabranch.routers.estimators.estimator import Batch, Descent, Estimator, GradientTrained
from anabranch.training.data_module import Item


class LitRouter(LightningModule):
    """Epoch 0 shows the estimator every batch once and finalises it; later epochs descend its loss.

    Args:
        encoder: learns along if the estimator trains it, else unused.
        estimator: what is trained.
    """

    def __init__(self, encoder: Encoder, estimator: Estimator) -> None:
        super().__init__()
        self.estimator = estimator
        # a frozen encoder stays outside: its embeddings are made once, before training
        self.encoder = encoder if estimator.trains_encoder else None

    def training_step(self, item: Item, step: int) -> Tensor | None:
        """Observe in epoch 0, the loss afterwards."""
        if self.current_epoch == 0:
            with torch.no_grad():
                self.estimator.observe(self._embedded(item))
            return None
        loss = self._loss(item)
        self.log("train/loss", loss, on_step=False, on_epoch=True, batch_size=len(item[0].row))
        return loss

    def on_train_batch_end(self, outputs: Any, batch: Item, batch_idx: int) -> None:
        """Finalise after the last batch of epoch 0, before anything is validated."""
        if self.current_epoch == 0 and self.trainer.is_last_batch:
            self.estimator.finalise()
            self.estimator.to(self.device)

    def validation_step(self, item: Item, step: int) -> None:
        """Log the validation loss that chooses the best epoch."""
        self.log("validation/loss", self._loss(item), batch_size=len(item[0].row))

    def configure_optimizers(self) -> Any:
        """AdamW with a rate that falls linearly to 0; nothing for closed forms."""
        if not isinstance(self.estimator, GradientTrained):
            return None
        return falling_adamw(self, self.estimator.descent)

    def _embedded(self, item: Item) -> Batch:
        batch, tokens = item
        if tokens is None or self.encoder is None:
            return batch
        return batch._replace(embedding=self.encoder(*tokens))

    def _loss(self, item: Item) -> Tensor:
        assert isinstance(self.estimator, GradientTrained)
        return self.estimator.loss(self._embedded(item))


def falling_adamw(module: LightningModule, descent: Descent) -> dict[str, Any]:
    """AdamW over all parameters of a module, with a rate that falls linearly to 0 by the end of its training."""
    optimiser = torch.optim.AdamW(
        module.parameters(), lr=descent.learning_rate, weight_decay=descent.weight_decay, fused=True
    )
    steps = max(1, int(module.trainer.estimated_stepping_batches))
    schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, lambda step: max(0.0, 1 - step / steps))
    return {"optimizer": optimiser, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}
