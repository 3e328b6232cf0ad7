"""One Lightning Trainer for all that is trained: loggers, progress, the best epoch."""

import logging
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from pytorch_lightning import Callback, LightningModule, Trainer
from pytorch_lightning.loggers import CSVLogger, Logger, WandbLogger

from anabranch.routers.encoders.encoder import Encoder
from anabranch.routers.estimators.estimator import Descent, Estimator, GradientTrained
from anabranch.training.best_weights import BestWeights
from anabranch.training.data_module import Batched, RouterData
from anabranch.training.examples import Examples
from anabranch.training.lit_router import LitRouter

Tracker = Literal["offline", "online", "disabled"]
OBSERVE_BATCH = 1024  # prompts a batch for closed forms, whose result does not depend on it


@dataclass(frozen=True)
class TrainerOptions:
    """How to train, apart from what.

    Args:
        folder: where logs and checkpoints go.
        seed: of the shuffling.
        tracker: Weights & Biases offline (no login, no network), online, or disabled; a CSV log is always written.
        progress: show progress bars.
        config: what the tracker records.
    """

    folder: Path
    seed: int = 0
    tracker: Tracker = "offline"
    progress: bool = True
    config: Mapping[str, Any] = field(default_factory=dict)


def train_estimator(
    encoder: Encoder, estimator: Estimator, train: Examples, validation: Examples, options: TrainerOptions
) -> dict[str, float]:
    """Train an estimator, and its encoder if it learns, in place.

    Args:
        encoder: learns along if the estimator trains it.
        estimator: closed-form or gradient-trained.
        train: examples to learn from.
        validation: examples that choose the best epoch.
        options: how.

    Returns:
        dict[str, float]: best epoch and its validation loss; empty for closed forms.
    """
    module = LitRouter(encoder, estimator)
    if isinstance(estimator, GradientTrained):
        best = descend(module, estimator.descent, train, validation, options)
    else:
        best = None
        run_trainer(module, RouterData(train, validation, batch_size=OBSERVE_BATCH, seed=options.seed), options)
    estimator.eval()
    encoder.cpu().eval()
    return {} if best is None else {"best_epoch": float(best.best_epoch), "validation_loss": best.best_loss}


def descend(
    module: LightningModule,
    descent: Descent,
    train: Batched,
    validation: Batched,
    options: TrainerOptions,
    *callbacks: Callback,
) -> BestWeights:
    """Train a module in place, by one epoch of observing and those of a descent, and put its best epoch back.

    Args:
        module: logs `validation/loss`.
        descent: how many epochs, and how large batches are.
        train: examples to learn from.
        validation: examples that choose the best epoch.
        options: how.
        callbacks: more of them.
    """
    best = BestWeights(options.folder / "checkpoints" / "best.safetensors")
    data = RouterData(train, validation, batch_size=descent.batch_size, seed=options.seed)
    run_trainer(module, data, options, 1 + descent.passes(len(train)), best, *callbacks)
    return best


def run_trainer(
    module: LightningModule, data: RouterData, options: TrainerOptions, epochs: int = 1, *callbacks: Callback
) -> None:
    """Run Lightning's Trainer once, and bring the module back to the CPU; it validates only if there are callbacks."""
    with _quiet():
        trainer = Trainer(
            max_epochs=epochs,
            accelerator="auto",
            devices=1,
            logger=_loggers(options),
            callbacks=list(callbacks),
            enable_checkpointing=False,
            enable_progress_bar=options.progress and bool(callbacks),
            enable_model_summary=False,
            num_sanity_val_steps=0,
            limit_val_batches=1.0 if callbacks else 0,
            log_every_n_steps=1,
        )
        trainer.fit(module, data)
    module.cpu().eval()


def _loggers(options: TrainerOptions) -> list[Logger]:
    csv = CSVLogger(options.folder, name="", version="csv")
    if options.tracker == "disabled":
        return [csv]
    options.folder.mkdir(parents=True, exist_ok=True)
    offline = options.tracker == "offline"
    return [csv, WandbLogger(project="anabranch", save_dir=options.folder, offline=offline, config=options.config)]


@contextmanager
def _quiet() -> Iterator[None]:
    """Hide what Lightning says about choices made on purpose here; real warnings pass."""
    lightning = logging.getLogger("pytorch_lightning")
    level = lightning.level
    lightning.setLevel(logging.ERROR)
    with warnings.catch_warnings():
        for message in (
            ".*will run with no optimizer.*",
            ".*does not have many workers.*",
            ".*`training_step` returned `None`.*",
            ".*Trying to infer the `batch_size`.*",
            ".*is smaller than the logging interval.*",
            ".*lr_scheduler.step.. before .optimizer.step.*",
            ".*isinstance.treespec, LeafSpec.*",
        ):
            warnings.filterwarnings("ignore", message=message)
        try:
            yield
        finally:
            lightning.setLevel(level)
