"""The estimator contract: an embedding in, estimates of every arm out."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from math import ceil
from typing import ClassVar, Literal, NamedTuple

from torch import Tensor, nn

from anabranch.routers.estimates import Estimates, QualityKind

Specification = Literal["code", "paper", "secondary", "memory", "ours"]


class Batch(NamedTuple):
    """What B training prompts teach about A arms; NaN marks an unknown cell.

    Attributes:
        row: int64 [B], row in the training set.
        task: int64 [B], number of the prompt's task among those of the training set; -1 if it is none of them.
        embedding: float32 [B, D]; carries gradients when the encoder learns.
        quality: float32 [B, A] in [0, 1].
        usage: float32 [B, A], at least 0.
        samples: float32 [B, A, R], quality of each sample.
        wins: float32 [B, A, A], weight of the votes for the row's arm over the column's, a tie half each way;
            [B, 0, 0] for estimators that learn from outcomes.
    """

    row: Tensor
    task: Tensor
    embedding: Tensor
    quality: Tensor
    usage: Tensor
    samples: Tensor
    wins: Tensor


class Estimator(nn.Module, ABC):
    """What every estimator offers; a subclass is `ClosedForm` or `GradientTrained`, and final.

    Training is one pass that calls `observe` on every batch, then `finalise`; gradient-trained estimators go on
    with epochs over `loss`. Everything learnt lives in parameters and buffers, so that one state dict restores it.

    Attributes:
        learns_from: what it needs known, outcomes or preferences (votes).
        quality_kind: what its `quality` means.
        reads_tradeoff: whether `forward` needs the trade-off.
        trains_encoder: whether gradients flow into the encoder.
        holds_prompts: whether its buffers hold an index of the training prompts' embeddings.
        policy: registry name of the policy it is meant for.
        source: the paper.
        specification: how the method is known: from its authors' code, the paper, a secondary text, from memory (its
            constants are then settings to tune, not published figures), or ours.
    """

    learns_from: ClassVar[Literal["outcomes", "preferences"]] = "outcomes"
    quality_kind: ClassVar[QualityKind] = "calibrated"
    reads_tradeoff: ClassVar[bool] = False
    trains_encoder: ClassVar[bool] = False
    holds_prompts: ClassVar[bool] = False
    policy: ClassVar[str] = "argmax-utility"
    source: ClassVar[str] = ""
    specification: ClassVar[Specification] = "ours"

    def __init__(self, width: int, arms: int) -> None:
        super().__init__()
        self.width = width
        self.arms = arms

    @abstractmethod
    def forward(self, embedding: Tensor, tradeoff: Tensor | None = None) -> Estimates[Tensor]:
        """Estimates (B, A) for embeddings (B, D); tradeoff (B,) in [0, 1], read only if `reads_tradeoff`."""

    @abstractmethod
    def observe(self, batch: Batch) -> None:
        """Take in one batch of the training set; every batch is seen exactly once."""

    @abstractmethod
    def finalise(self) -> None:
        """Turn what was observed into buffers or starting values."""

    def restore(self, state: dict[str, Tensor]) -> None:
        """Set every parameter and buffer from `state`, whatever the buffers' shapes.

        Raises:
            ValueError: names are missing or left over.
        """
        own = dict(self.named_buffers()) | dict(self.named_parameters())
        if own.keys() != state.keys():
            raise ValueError(
                f"state names {sorted(state)} do not match the estimator's {sorted(own)}: if another version trained "
                "it, train it again"
            )
        for name, tensor in state.items():
            module_name, _, leaf = name.rpartition(".")
            module = self.get_submodule(module_name)
            if leaf in module._buffers:
                module._buffers[leaf] = tensor
            else:
                module.get_parameter(leaf).data = tensor


class ClosedForm(Estimator, ABC):
    """Learns from one pass over the training set and a final computation."""


@dataclass(frozen=True)
class Descent:
    """How to descend: AdamW, its rate falling linearly to 0. Each field is a setting of every gradient-trained router.

    Args:
        epochs: passes over the training set; the best by validation loss is kept.
        batch_size: prompts a step.
        learning_rate: AdamW's at the first step.
        weight_decay: AdamW's.
        max_steps: at about as many steps the epochs end, however many are asked for: many prompts need few passes.

    >>> Descent().passes(prompts=2_000), Descent().passes(prompts=100_000)
    (30, 7)
    """

    epochs: int = 30
    batch_size: int = 128
    learning_rate: float = 1e-3
    weight_decay: float = 1e-2
    max_steps: int = 5_000

    def passes(self, prompts: int) -> int:
        """Epochs on so many prompts, at least 1."""
        return min(self.epochs, max(1, ceil(self.max_steps / ceil(prompts / self.batch_size))))


class GradientTrained(Estimator, ABC):
    """Learns by gradient descent on `loss` after the observing pass.

    Attributes:
        descent: how; a class names its defaults, and the settings of a recipe replace fields of them.
    """

    descent: Descent = Descent()

    @abstractmethod
    def loss(self, batch: Batch) -> Tensor:
        """The mean loss of a batch, a scalar with gradients."""


def normalised(embedding: Tensor) -> Tensor:
    """Unit rows; a zero row stays zero. (B, D) -> (B, D)."""
    return nn.functional.normalize(embedding, dim=-1)
