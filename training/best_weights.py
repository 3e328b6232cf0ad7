"""Keep the weights of the best epoch, as safetensors."""

import math
from pathlib import Path

from pytorch_lightning import Callback, LightningModule, Trainer
from safetensors.torch import load_file, save_file


class BestWeights(Callback):
    """Write a checkpoint whenever the validation loss improves, and put the best back when training ends.

    Lightning's own checkpoints are pickles; these are safetensors, which cannot run code when they are read.

    Args:
        path: the checkpoint's file.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.best_loss = float("inf")
        self.best_epoch = 0

    def on_validation_end(self, trainer: Trainer, module: LightningModule) -> None:
        """Save if this epoch is the best so far.

        Raises:
            ValueError: the loss is NaN; keeping an earlier epoch would hide that nothing was learnt.
        """
        loss = float(trainer.callback_metrics["validation/loss"])
        if math.isnan(loss):
            raise ValueError(
                f"the validation loss is NaN in epoch {trainer.current_epoch}: training diverged; "
                "lower --learning_rate, or look at the labels"
            )
        if loss < self.best_loss:
            self.best_loss, self.best_epoch = loss, trainer.current_epoch
            self.path.parent.mkdir(parents=True, exist_ok=True)
            save_file({name: tensor.contiguous() for name, tensor in module.state_dict().items()}, self.path)

    def on_fit_end(self, trainer: Trainer, module: LightningModule) -> None:
        """Restore the best epoch."""
        if self.path.exists():
            module.load_state_dict(load_file(self.path, device=str(module.device)))
