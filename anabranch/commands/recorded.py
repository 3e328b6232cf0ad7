"""What a label set recorded of the models that cascades call."""

from collections.abc import Sequence
from typing import cast

from anabranch.data.answer_keys import answer_keys
from anabranch.data.answers import AnswerKind
from anabranch.data.labelset import LabelSet
from anabranch.data.replay_table import ReplayTable, replay_table
from anabranch.routers.deferral.plan import Plan


def recorded_answers(plans: Sequence[Plan], labels: LabelSet) -> ReplayTable:
    """The answers of all models that these cascades call, read as the cascades compare them.

    Raises:
        ValueError: a model has no labels, or two cascades read answers differently.
    """
    kinds = sorted({plan.answers for plan in plans if plan.answers is not None})
    if len(kinds) > 1:
        raise ValueError(f"these cascades read answers as {' and as '.join(kinds)}: evaluate them one at a time")
    keys = answer_keys(labels, dict.fromkeys(labels.tasks, cast(AnswerKind, kinds[0]))) if kinds else None
    return replay_table(labels, tuple(dict.fromkeys(name for plan in plans for name in plan.models)), keys)
