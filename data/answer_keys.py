"""Which recorded answers say the same: keys for those whose kind of answer is known."""

from collections.abc import Mapping

import pyarrow as pa

from anabranch.data.answers import AnswerKind, canonical
from anabranch.data.columns import strings
from anabranch.data.labelset import LabelSet
from anabranch.data.replay_table import KeyOf

KIND_OF_JUDGE: Mapping[str, AnswerKind] = {"exact": "text", "multiple-choice": "mcq", "numeric": "number"}
"""What a judge reads out of an answer before it compares: as good a key as its verdict."""


def answer_keys(labels: LabelSet, kinds: Mapping[str, AnswerKind | None] | None = None) -> KeyOf:
    """Reads the keys of a label set's answers, for `replay_table`.

    The kind of a prompt's answers is that of its task in `kinds`, otherwise that of the judge it names, otherwise that
    of the judge that judged its answers. Where that is none of ours, or several judged, there are no keys. Options are
    not recorded, so a multiple choice is to be answered with a letter.

    Args:
        labels: the set.
        kinds: of the answers of a task, by its name, whatever its prompts say; None for open answers without keys.

    Raises:
        ValueError: `kinds` names a task that the set has not got.

    >>> import pyarrow as pa
    >>> prompts = pa.table({"prompt_id": ["x", "y"], "prompt": ["2 + 2?", "Why?"], "judge": ["numeric", None]})
    >>> labels = pa.table({"prompt_id": ["x"], "model": ["owl"], "quality": [1.0]})
    >>> key_of = answer_keys(LabelSet(prompts, labels))
    >>> key_of("x", "It is 4."), key_of("y", "All 4 of them.")
    ('4', None)
    """
    known = answer_kinds(labels, kinds)

    def key_of(prompt_id: str, response: str) -> str | None:
        kind = known.get(prompt_id)
        return None if kind is None else canonical(response, kind)

    return key_of


def answer_kinds(labels: LabelSet, kinds: Mapping[str, AnswerKind | None] | None = None) -> dict[str, AnswerKind]:
    """The kind of answer that each prompt asks for, by prompt_id; see `answer_keys`. Prompts of no kind are not there.

    Raises:
        ValueError: `kinds` names a task that the set has not got.
    """
    of_task = kinds or {}
    unknown = sorted(set(of_task) - set(labels.tasks))
    if unknown:
        raise ValueError(f"unknown tasks {unknown}; tasks of the label set: {sorted(set(labels.tasks))}")
    named = _judges(labels.labels) | _judges(labels.prompts)
    known = (
        (prompt_id, of_task[task] if task in of_task else KIND_OF_JUDGE.get(named.get(prompt_id, "")))
        for prompt_id, task in zip(labels.prompt_ids, labels.tasks, strict=True)
    )
    return {prompt_id: kind for prompt_id, kind in known if kind is not None}


def _judges(table: pa.Table) -> dict[str, str]:
    """The judge that the rows of each prompt name, by prompt_id, if they name one and no other."""
    found: dict[str, set[str]] = {}
    for prompt_id, judge in zip(strings(table, "prompt_id"), strings(table, "judge", default=""), strict=True):
        found.setdefault(prompt_id, set()).update({judge} - {""})
    return {prompt_id: judges.pop() for prompt_id, judges in found.items() if len(judges) == 1}
