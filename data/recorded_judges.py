"""Who judged the answers of a label set, so that a further answer can be judged alike."""

from collections.abc import Collection, Mapping

import numpy as np

from anabranch.data.columns import numbers, strings
from anabranch.data.judges import JUDGES, Judge
from anabranch.data.label_rules import LabelError
from anabranch.data.labelset import LabelSet
from anabranch.registry import resolve

_AGAIN = "collect the labels with `anabranch data collect`, which records judges, or bring labels of the new model too"


def recorded_judges(labels: LabelSet, prompt_ids: Collection[str]) -> dict[str, str]:
    """The name of the judge of each prompt's answers; prompts without a judged answer are left out.

    Args:
        labels: whose rows name their judge and its version, as collected ones do.
        prompt_ids: of which prompts.

    Raises:
        LabelError: no answer was judged, or one by nobody who is named, by a judge that is not here, is here in
            another version, or has no reference to compare with; or a prompt has several judges.
    """
    judged = _judged(labels, prompt_ids)
    if not judged:
        kind = "votes, and those who voted" if labels.preferences is not None else "no quality, and nobody"
        raise LabelError(f"these prompts have {kind} cannot be asked about an answer that is new; {_AGAIN}")
    _check_references(labels, judged)
    for prompt_id, (name, version) in judged.items():
        _check_judge(prompt_id, name, version)
    return {prompt_id: name for prompt_id, (name, _) in judged.items()}


def _judged(labels: LabelSet, prompt_ids: Collection[str]) -> dict[str, tuple[str, str]]:
    table, wanted = labels.labels, set(prompt_ids)
    known = ~np.isnan(numbers(table, "quality"))
    rows = zip(*(strings(table, name, default="") for name in ("prompt_id", "judge", "judge_version")), strict=True)
    found: dict[str, tuple[str, str]] = {}
    for there, (prompt_id, *by) in zip(known, rows, strict=True):
        if not there or prompt_id not in wanted:
            continue
        name, version = by
        if found.setdefault(prompt_id, (name, version)) != (name, version):
            first, other = (" ".join(one).strip() or "nobody who is named" for one in (found[prompt_id], by))
            raise LabelError(f"answers to prompt {prompt_id!r} were judged by {first} and by {other}; {_AGAIN}")
    return found


def _check_judge(prompt_id: str, name: str, version: str) -> None:
    if not name:
        raise LabelError(
            f"the labels of prompt {prompt_id!r} name no judge (column judge): they may come from people or from a "
            f"benchmark, and a new answer cannot be judged alike; {_AGAIN}"
        )
    try:
        judge: Judge = resolve(name, JUDGES, "judge")
    except ValueError as error:
        raise LabelError(
            f"prompt {prompt_id!r} was judged by {name!r}, which is not here ({error}); {_AGAIN}"
        ) from None
    if judge.version != version:
        raise LabelError(
            f"prompt {prompt_id!r} was judged by version {version or 'unknown'} of {name!r}, and this is version "
            f"{judge.version}; run `anabranch data collect` on the label set again, which judges stored answers anew"
        )


def _check_references(labels: LabelSet, judged: Mapping[str, object]) -> None:
    references = strings(labels.prompts, "reference", default="")
    there = {prompt_id for prompt_id, text in zip(labels.prompt_ids, references, strict=True) if text}
    missing = sorted(set(judged) - there)
    if missing:
        raise LabelError(
            f"prompt {missing[0]!r} (of {len(missing)}) has no reference to judge a new answer by; "
            "add the column reference to prompts.parquet"
        )
