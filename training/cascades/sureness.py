"""How sure answers are, on one scale for all models: by a learned scorer, or by a recorded signal."""

from anabranch.training.cascades.chances import with_chance
from anabranch.training.cascades.frugalgpt import SCORER
from anabranch.training.cascades.recipe import Ground
from anabranch.training.replay.signal_calibration import Form


def with_sureness(ground: Ground, signal: str, form: Form) -> Ground:
    """The ground with the signal `CHANCE`, cross-fitted.

    Args:
        ground: N prompts, M models.
        signal: "scorer" learns one from the recorded responses; or the name of a recorded signal.
        form: of the maps from the signal to the chance of being right.

    Raises:
        ValueError: the signal is not there, or no responses are recorded for a scorer to read.
    """
    return with_chance(with_scorer(ground) if signal == SCORER else ground, signal, form)


def with_scorer(ground: Ground) -> Ground:
    """The ground with the signal `SCORER`, of a network that is learned from the recorded responses; cross-fitted.

    Raises:
        ValueError: no responses are recorded.
    """
    if ground.table.responses is None:
        raise ValueError(
            "a scorer reads answers, and no responses are recorded: collect them with `anabranch data collect`, or "
            "name a recorded signal, e.g. logprob_mean, which comes with `anabranch data collect --logprobs`"
        )
    from anabranch.training.scorers.answer_scorer_fit import scored

    learnt: Ground = scored(ground, encoder=ground.encoder, seed=ground.seed)
    return learnt
