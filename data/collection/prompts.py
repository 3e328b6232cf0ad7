"""The prompts of a collection, read and checked before anything is asked."""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from anabranch.data.columns import strings
from anabranch.data.judges import JUDGES, Judge
from anabranch.data.label_rules import LabelError, refuse_row
from anabranch.data.labelset import LabelSet
from anabranch.registry import resolve

NO_LABELS = pa.table({"prompt_id": pa.array([], pa.string()), "model": pa.array([], pa.string()), "quality": []})


@dataclass(frozen=True)
class Prompt:
    """What is asked, and how its answers are judged.

    Args:
        prompt_id: unique.
        messages: OpenAI chat messages.
        judge: None if answers are not judged.
        reference: the right answer; None if answers are not judged.
        digest: of the messages, 16 bytes.
    """

    prompt_id: str
    messages: tuple[Mapping[str, Any], ...]
    judge: Judge | None
    reference: str | None
    digest: bytes

    @property
    def reference_digest(self) -> bytes | None:
        """Of the reference, so that a corrected one is noticed."""
        return None if self.reference is None else hashlib.sha256(self.reference.encode()).digest()[:16]


@dataclass(frozen=True, eq=False)
class PromptSet:
    """Prompts, and the table they come from with all of its columns."""

    table: pa.Table
    prompts: tuple[Prompt, ...]


def read_prompts(source: Path, judge: str | None = None) -> PromptSet:
    """The prompts in a label set's folder, a parquet file, or a file of one JSON object a line.

    Args:
        source: has prompt_id, and prompt or messages; optional judge and reference, both text.
        judge: a name of `JUDGES`, for rows that name none.

    Raises:
        LabelError: the file cannot be read, or a row breaks a rule; a reference that the judge refuses is one.
        ValueError: no such judge.
    """
    return prompt_set(_read(source), judge)


def prompt_set(table: pa.Table, judge: str | None = None) -> PromptSet:
    """The prompts in a table, which is that of a label set; the rest as in `read_prompts`."""
    LabelSet(table, NO_LABELS)  # refuses what training would refuse once everything is paid for
    return PromptSet(table, tuple(_prompts(table, judge)))


def _read(source: Path) -> pa.Table:
    path = source / "prompts.parquet" if source.is_dir() else source
    if path.suffix not in (".parquet", ".jsonl"):
        raise LabelError(f"{path} is neither a folder with prompts.parquet, nor a .parquet or .jsonl file")
    try:
        return pq.read_table(path) if path.suffix == ".parquet" else _read_jsonl(path)
    except OSError as error:
        raise LabelError(f"{path} cannot be read ({error.strerror or error}); give a file of prompts") from error
    except (pa.ArrowInvalid, pa.ArrowTypeError) as error:
        raise LabelError(f"{path} cannot be read as a table: {error}") from error


def _read_jsonl(path: Path) -> pa.Table:
    rows = [_object(path, number, line) for number, line in enumerate(path.read_bytes().splitlines(), 1) if line]
    names = list(dict.fromkeys(name for row in rows for name in row))
    return pa.table({name: [row.get(name) for row in rows] for name in names})


def _object(path: Path, number: int, line: bytes) -> dict[str, Any]:
    try:
        row = orjson.loads(line)
    except orjson.JSONDecodeError as error:
        raise LabelError(f"{path} line {number} is not JSON: {error}") from error
    if not isinstance(row, dict):
        raise LabelError(
            f"{path} line {number} is not a JSON object; each line is a prompt, such as {{'prompt_id': ...}}"
        )
    # as JSON, since the contents of messages may be of several types
    return row if row.get("messages") is None else {**row, "messages": orjson.dumps(row["messages"]).decode()}


def _prompts(table: pa.Table, default_judge: str | None) -> Iterator[Prompt]:
    names = _texts(table, "judge")
    judges = {name: _judge(name) for name in {*names, default_judge} if name is not None}
    asked = zip(_texts(table, "prompt"), _column(table, "messages"), strict=True)
    for row, (prompt_id, name, reference, (text, messages)) in enumerate(
        zip(strings(table, "prompt_id"), names, _texts(table, "reference"), asked, strict=True)
    ):
        judge = judges.get(name or default_judge or "")
        if judge is not None and reference is not None:
            _check_reference(table, row, judge, reference)
        chat = _chat(messages) if messages is not None else ({"role": "user", "content": text},)
        judged = judge is not None and reference is not None
        digest = hashlib.sha256(orjson.dumps(chat, option=orjson.OPT_SORT_KEYS)).digest()[:16]
        yield Prompt(prompt_id, chat, judge if judged else None, reference if judged else None, digest)


def _judge(name: str) -> Judge:
    judge: Judge = resolve(name, JUDGES, "judge")
    return judge


def _check_reference(table: pa.Table, row: int, judge: Judge, reference: str) -> None:
    try:
        judge.score("", reference)
    except ValueError as error:
        raise refuse_row("prompts", table, row, f"judge {judge.name!r}: {error}") from error


def _chat(messages: Any) -> tuple[Mapping[str, Any], ...]:
    chat = orjson.loads(messages) if isinstance(messages, str) else messages
    # in a parquet table, what one message has every message has, if only as null
    return tuple({key: value for key, value in message.items() if value is not None} for message in chat)


def _column(table: pa.Table, name: str) -> list[Any]:
    return table[name].to_pylist() if name in table.column_names else [None] * table.num_rows


def _texts(table: pa.Table, name: str) -> list[str | None]:
    if name not in table.column_names:
        return [None] * table.num_rows
    kind = table[name].type
    if not (
        pa.types.is_string(kind)
        or pa.types.is_large_string(kind)
        or pa.types.is_null(kind)
        or pa.types.is_dictionary(kind)
    ):
        raise LabelError(f"prompts.parquet column {name!r} has type {kind}; it must be text")
    return table[name].to_pylist()  # type: ignore[no-any-return]
