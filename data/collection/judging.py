"""Judging stored answers: after they were paid for and are safe, and again when judge or reference change."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from anabranch.data.collection.entries import Key
from anabranch.data.collection.ledger import Ledger
from anabranch.data.collection.prompts import Prompt

AT_ONCE = 500


@dataclass(frozen=True)
class Verdict:
    """The quality of an answer in [0, 1], and who said so about which reference."""

    quality: float | None
    judge: str
    judge_version: str
    reference_digest: bytes | None


def judged(prompt: Prompt, response: str) -> Verdict:
    """What the prompt's judge says of a response.

    >>> from anabranch.data.judges import NUMERIC
    >>> judged(Prompt("x", (), NUMERIC, "2", b""), "It is 2.").quality
    1.0
    """
    assert prompt.judge is not None and prompt.reference is not None
    try:
        quality = prompt.judge.score(response, prompt.reference)
    except Exception:  # a judge from elsewhere may do anything; the other answers are judged all the same
        quality = None
    return Verdict(quality, *_judged_by(prompt))


def judge_answers(ledger: Ledger, prompts: Sequence[Prompt]) -> int:
    """Judge the answers without a verdict, or with one of another judge, version or reference; how many they were.

    Nobody is asked. Prompts without judge or reference keep the verdicts that they have. What was judged before an
    interruption stays judged.
    """
    wanted = {one.prompt_id: one for one in prompts if one.judge is not None}
    query = "SELECT prompt_id, model, sample, judge, judge_version, reference_digest FROM answers WHERE state = 'done'"
    stale = [
        Key(prompt_id, model, sample)
        for prompt_id, model, sample, *by in ledger.execute(query)
        if prompt_id in wanted and tuple(by) != _judged_by(wanted[prompt_id])
    ]
    for start in range(0, len(stale), AT_ONCE):
        keys = stale[start : start + AT_ONCE]
        _record(ledger, {key: judged(wanted[key.prompt_id], _response(ledger, key)) for key in keys})
    return len(stale)


def _judged_by(prompt: Prompt) -> tuple[str, str, bytes | None]:
    assert prompt.judge is not None
    return prompt.judge.name, prompt.judge.version, prompt.reference_digest


def _response(ledger: Ledger, key: Key) -> str:
    query = "SELECT response FROM answers WHERE prompt_id = ? AND model = ? AND sample = ?"
    return str(ledger.execute(query, key)[0][0])


def _record(ledger: Ledger, verdicts: Mapping[Key, Verdict]) -> None:
    statement = (
        "UPDATE answers SET quality = ?, judge = ?, judge_version = ?, reference_digest = ? "
        "WHERE prompt_id = ? AND model = ? AND sample = ?"
    )
    rows = [(v.quality, v.judge, v.judge_version, v.reference_digest, *key) for key, v in verdicts.items()]
    with ledger.transaction():
        ledger.execute_many(statement, rows)
