"""Judging stored answers again: a new judge or a corrected reference asks nobody."""

from collections.abc import Sequence

from anabranch.data.collection.entries import Key, judged
from anabranch.data.collection.ledger import Ledger
from anabranch.data.collection.prompts import Prompt


def rejudge(ledger: Ledger, prompts: Sequence[Prompt]) -> int:
    """Judge the answers whose verdict is of another judge, version or reference; how many they were.

    Prompts without judge or reference keep the verdicts that they have.
    """
    wanted = {one.prompt_id: one for one in prompts if one.judge is not None}
    query = "SELECT prompt_id, model, sample, judge, judge_version, reference_digest FROM answers WHERE state = 'done'"
    stale = [
        Key(prompt_id, model, sample)
        for prompt_id, model, sample, *by in ledger.execute(query)
        if prompt_id in wanted and tuple(by) != _judged_by(wanted[prompt_id])
    ]
    verdicts = {key: judged(wanted[key.prompt_id], _response(ledger, key)) for key in stale}
    if verdicts:
        ledger.rejudge(verdicts)
    return len(verdicts)


def _judged_by(prompt: Prompt) -> tuple[str, str, bytes | None]:
    assert prompt.judge is not None
    return prompt.judge.name, prompt.judge.version, prompt.reference_digest


def _response(ledger: Ledger, key: Key) -> str:
    query = "SELECT response FROM answers WHERE prompt_id = ? AND model = ? AND sample = ?"
    return str(ledger.execute(query, key)[0][0])
