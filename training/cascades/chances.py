"""Chances of being right as a signal, so that one threshold means the same for every model."""

from dataclasses import replace

from anabranch.routers.deferral.chance import Chance
from anabranch.training.cascades.recipe import Ground
from anabranch.training.replay.signal_calibration import Form, calibrate_signal

CHANCE = "chance"


def with_chance(ground: Ground, signal: str, form: Form = "isotonic") -> Ground:
    """The ground with the signal `CHANCE`: how likely an answer is right by another signal, cross-fitted.

    Args:
        ground: N prompts, M models.
        signal: the name of the other one.
        form: of the maps, see `calibrate_signal`.

    Raises:
        ValueError: the signal is not there.
    """
    refuse_unknown(ground, signal)
    calibrated = calibrate_signal(ground.table, signal, form, seed=ground.seed)
    return replace(
        ground,
        table=ground.table.with_signal(CHANCE, calibrated.chance),
        signals=(*ground.signals, Chance(CHANCE, signal, calibrated.maps)),
    )


def refuse_unknown(ground: Ground, *signals: str) -> None:
    """Say which signals there are, and how to get more, if one of these is not there.

    Raises:
        ValueError: it is not.
    """
    missing = sorted(set(signals) - set(ground.table.signals))
    if missing:
        known = ", ".join(sorted(ground.table.signals)) or "none"
        raise ValueError(
            f"the answers have no signal {', '.join(missing)}; signals that they have: {known}. Those of "
            "log-probabilities come with `anabranch data collect --logprobs`"
        )
