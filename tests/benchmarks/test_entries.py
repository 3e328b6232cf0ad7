"""One run as a file."""

import json
from pathlib import Path

import numpy as np

from benchmarks.leaderboard.entries import Entry, read_entry, write_entry


def test_an_entry_comes_back_as_it_was_with_what_json_cannot_say(tmp_path: Path) -> None:
    rows = {"qnc": np.array([0.5, np.inf, np.nan])}
    entry = Entry("board", "knn", 2, "key", rows=rows, facts={"head_bytes": 3.0, "quality_kind": "score"})
    write_entry(entry, tmp_path / "runs" / "knn-2.json")

    back = read_entry(tmp_path / "runs" / "knn-2.json")

    assert back is not None
    assert (back.board, back.recipe, back.seed, back.key, back.error) == ("board", "knn", 2, "key", "")
    assert back.facts == {"head_bytes": 3.0, "quality_kind": "score"}
    np.testing.assert_array_equal(back.rows["qnc"], rows["qnc"])
    assert [path.name for path in (tmp_path / "runs").iterdir()] == ["knn-2.json"]


def test_a_file_of_another_schema_counts_as_absent(tmp_path: Path) -> None:
    path = tmp_path / "knn-0.json"
    write_entry(Entry("board", "knn", 0, "key"), path)
    path.write_text(json.dumps(json.loads(path.read_text()) | {"schema": 0}))
    assert read_entry(path) is None
    assert read_entry(tmp_path / "none.json") is None
