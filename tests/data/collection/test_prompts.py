"""Prompts from the files in which people have them."""

from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from anabranch.data.collection.inputs import known_prompts, record_inputs
from anabranch.data.collection.ledger import open_ledger
from anabranch.data.collection.prompts import read_prompts
from anabranch.data.label_rules import LabelError

CHAT = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hi", "name": "ann"}]
ROW = {"prompt_id": "a", "prompt": "1 + 1?"}


def jsonl(folder: Path, *given: dict[str, Any] | str) -> Path:
    path = folder / "prompts.jsonl"
    path.write_text("\n".join(row if isinstance(row, str) else orjson.dumps(row).decode() for row in given))
    return path


def test_a_chat_is_the_same_from_every_form(tmp_path: Path) -> None:
    """In a parquet table every message has every field; what is null there was not said."""
    as_json = pa.table({"prompt_id": ["a"], "messages": [orjson.dumps(CHAT).decode()]})
    for name, table in (("list", pa.table({"prompt_id": ["a"], "messages": [CHAT]})), ("json", as_json)):
        pq.write_table(table, tmp_path / f"{name}.parquet")
    sources = [
        tmp_path / "list.parquet",
        tmp_path / "json.parquet",
        jsonl(tmp_path, {"prompt_id": "a", "messages": CHAT}),
    ]
    found = [read_prompts(source).prompts[0] for source in sources]
    assert [list(one.messages) for one in found] == [CHAT] * 3
    assert len({one.digest for one in found}) == 1


def test_a_prompt_is_a_chat_of_one_turn(tmp_path: Path) -> None:
    one = read_prompts(jsonl(tmp_path, ROW, "", {**ROW, "prompt_id": "b", "extra": 3}))
    assert one.prompts[0].messages == ({"role": "user", "content": "1 + 1?"},)
    assert one.table["extra"].to_pylist() == [None, 3]


def test_a_folder_is_its_prompts_file(tmp_path: Path) -> None:
    pq.write_table(pa.table({"prompt_id": ["a"], "prompt": ["Hi"]}), tmp_path / "prompts.parquet")
    assert [one.prompt_id for one in read_prompts(tmp_path).prompts] == ["a"]


def test_a_row_names_its_own_judge(tmp_path: Path) -> None:
    given = [
        {**ROW, "reference": "2", "judge": "exact"},
        {**ROW, "prompt_id": "b", "reference": "2"},
        {**ROW, "prompt_id": "c", "judge": "exact"},
    ]
    judges = [one.judge and one.judge.name for one in read_prompts(jsonl(tmp_path, *given), "numeric").prompts]
    assert judges == ["exact", "numeric", None]
    without = [one.judge and one.judge.name for one in read_prompts(jsonl(tmp_path, *given)).prompts]
    assert without == ["exact", None, None]


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (["{"], r"prompts.jsonl line 1 is not JSON"),
        ([ROW, "[]"], "line 2 is not a JSON object"),
        ([ROW, ROW], "this row is given twice"),
        ([{"prompt_id": "a", "prompt": "  "}], "no text to route on"),
        ([{"prompt": "Hi"}], "no column 'prompt_id'"),
        ([{**ROW, "reference": 2}], "column 'reference' has type int64; it must be text"),
        ([{**ROW, "split": "trial"}], "split is 'trial'"),
        ([ROW, {**ROW, "prompt_id": 3}], "cannot be read as a table"),
        ([], "prompts.parquet"),
        ([{**ROW, "judge": "fair", "reference": "2"}], "unknown judge 'fair'"),
    ],
)
def test_bad_rows_are_refused(rows: list[Any], message: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=message):
        read_prompts(jsonl(tmp_path, *rows))


def test_bad_files_are_refused(tmp_path: Path) -> None:
    (tmp_path / "x.parquet").write_text("no")
    for name, message in (("x.csv", "neither a folder"), ("no.jsonl", "No such file"), ("x.parquet", "cannot be read")):
        with pytest.raises(LabelError, match=message):
            read_prompts(tmp_path / name)


def test_a_ledger_keeps_every_column_of_every_prompt(tmp_path: Path) -> None:
    """A table given again counts as the newest once more; a column that only one of them has is null in the other."""
    ledger = open_ledger(tmp_path / "ledger.sqlite")
    first = read_prompts(jsonl(tmp_path, {**ROW, "task": "old"}, {**ROW, "prompt_id": "b"}))
    second = read_prompts(jsonl(tmp_path, {**ROW, "task": "new", "extra": 1.5}))
    for one in (first, second):
        record_inputs(ledger, one, {"owl": "{}"})
    assert known_prompts(ledger).select(["prompt_id", "task", "extra"]).to_pylist() == [
        {"prompt_id": "a", "task": "new", "extra": 1.5},
        {"prompt_id": "b", "task": None, "extra": None},
    ]
    record_inputs(ledger, first, {"owl": "{}"})
    assert known_prompts(ledger)["task"].to_pylist() == ["old", None]
    assert len(ledger.execute("SELECT 1 FROM prompt_tables")) == 2
    ledger.close()
