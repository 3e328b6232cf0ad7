"""How sure answers are, on one scale for all models: by a learned scorer, or by a recorded signal."""

from anabranch.training.cascades.chances import with_chance
from anabranch.training.cascades.recipe import Ground
from anabranch.training.replay.signal_calibration import Form
from anabranch.training.scorers.answer_scorer_fit import SCORER, scored


class LearnsSureness:
    """What recipes have in common that read how sure answers are; `signal` and `form` are fields of theirs."""

    signal: str
    form: Form

    def learn(self, ground: Ground) -> Ground:
        """See `CascadeRecipe`.

        Raises:
            ValueError: the signal is not there, or no responses are recorded for a scorer to read.
        """
        return with_sureness(ground, self.signal, self.form)


def with_sureness(ground: Ground, signal: str, form: Form) -> Ground:
    """The ground with the signal `CHANCE`, cross-fitted.

    The chances of a fold come from scores of the other folds' answers, by networks that saw this fold's labels. So a
    stack is a little too sure of itself; to avoid it would take a training for each pair of folds.

    Args:
        ground: N prompts, M models.
        signal: "scorer" learns one from the recorded responses; or the name of a recorded signal.
        form: of the maps from the signal to the chance of being right.

    Raises:
        ValueError: the signal is not there, or no responses are recorded for a scorer to read.
    """
    return with_chance(with_scorer(ground) if signal == SCORER else ground, signal, form)


def with_scorer(ground: Ground, otherwise: str = "--signal logprob_mean") -> Ground:
    """The ground with the signal `SCORER`, of a network that is learned from the recorded responses; cross-fitted.

    Args:
        ground: N prompts, M models.
        otherwise: the flag that names a recorded signal instead, for the error.

    Raises:
        ValueError: no responses are recorded.
    """
    if ground.table.responses is None:
        raise ValueError(
            "a scorer reads answers, and no responses are recorded: collect them with `anabranch data collect`, or "
            f"name a recorded signal, e.g. {otherwise}, which comes with `anabranch data collect --logprobs`"
        )
    return scored(ground)
