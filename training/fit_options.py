"""What every training may be told, whatever it trains."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from anabranch.data.answers import AnswerKind
from anabranch.training.trainer import Tracker


@dataclass(frozen=True)
class FitOptions:
    """The options of a training; on the command line they are the flags of `train`.

    Args:
        models: the pool; every model with labels if None.
        encoder: registry name, folder, or hub id of a sentence encoder.
        encoder_options: its options, e.g. max_tokens.
        policy: registry name; if None the recipe's own, or threshold-pair for two arms without costs.
        target: what the trade-off is calibrated to on the validation split, see `Target`.
        calibration: platt, isotonic, temperature or none: the map that makes expected quality of the router's
            estimates. It is fitted on the validation split, which then chooses the trade-off as well (and before both
            the best epoch): what the split says of the trade-off is a little too good by as much as the map fits
            its noise. Test prompts decide nothing either way.
        prices: price table in LiteLLM's format; costs then come from tokens at these prices.
        answers: for cascades: how the canonical answer is read out of every text: number, mcq, text or items; if None
            as the judges of the label set read them, where they agree.
        most_usd: for cascades: what any one prompt may spend; a call that usually costs more than is left of it is not
            made, and the best answer so far is given; no limit if None.
        validation_share: share of train that calibrates, where the labels name no validation split.
        seed: of splits, initial weights, shuffling and draws.
        cache: folder of the embedding cache; below ~/.cache/anabranch if None.
        tracker: Weights & Biases offline, online or disabled; a CSV log is always written.
        progress: show progress bars.
    """

    models: Sequence[str] | None = None
    encoder: str = "minilm"
    encoder_options: Mapping[str, Any] | None = None
    policy: str | None = None
    target: str = "best-single"
    calibration: str = "none"
    prices: Path | None = None
    answers: AnswerKind | None = None
    most_usd: float | None = None
    validation_share: float = 0.15
    seed: int = 0
    cache: Path | None = None
    tracker: Tracker = "offline"
    progress: bool = True
