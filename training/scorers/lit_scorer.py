"""The LightningModule of an answer scorer."""

from typing import Any

from pytorch_lightning import LightningModule
from torch import Tensor
from torch.nn import functional

from anabranch.routers.estimators.estimator import Descent
from anabranch.routers.scorers.answer_network import AnswerNetwork
from anabranch.training.lit_router import falling_adamw
from anabranch.training.scorers.scorer_examples import AnswerBatch


class LitScorer(LightningModule):
    """Epoch 0 leaves the network as it starts, at the models' averages; later ones descend the cross-entropy.

    Epoch 0 is validated like any other: where nothing can be learnt, the averages are the best epoch.

    Args:
        network: what is trained; it has started.
        descent: how.
    """

    def __init__(self, network: AnswerNetwork, descent: Descent) -> None:
        super().__init__()
        self.network = network
        self.descent = descent

    def training_step(self, batch: AnswerBatch, step: int) -> Tensor | None:
        """The loss; none in epoch 0."""
        if self.current_epoch == 0:
            return None
        loss = self._loss(batch)
        self.log("train/loss", loss, on_step=False, on_epoch=True, batch_size=len(batch.quality))
        return loss

    def validation_step(self, batch: AnswerBatch, step: int) -> None:
        """Log the validation loss that chooses the best epoch."""
        self.log("validation/loss", self._loss(batch), batch_size=len(batch.quality))

    def configure_optimizers(self) -> Any:
        """AdamW with a rate that falls linearly to 0."""
        return falling_adamw(self, self.descent)

    def _loss(self, batch: AnswerBatch) -> Tensor:
        odds = self.network(batch.embedding, batch.facts, batch.model)
        return functional.binary_cross_entropy_with_logits(odds, batch.quality)
