import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks.auto import interval
from benchmarks.leaderboard.boards import Board
from benchmarks.leaderboard.once import measure_boards


def test_a_board_is_measured_once_and_one_without_a_figure_is_not_printed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked: list[str] = []

    def measure(board: Board, data: Path, work: Path) -> dict[str, Any] | None:
        asked.append(board.name)
        return None if board.name == "zeroeval" else {"board": board.name}

    words = ["x", "--data", "sets", "--work", str(tmp_path), "--only", "zeroeval,llmrouter9"]
    monkeypatch.setattr("sys.argv", words)
    for _ in range(2):
        measure_boards("Measures.", "figures", measure)
        assert json.loads(capsys.readouterr().out) == [{"board": "llmrouter9"}]
    assert sorted(asked) == ["llmrouter9", "zeroeval"]


def test_the_interval_is_of_the_replicates_and_the_figure_of_the_data() -> None:
    """Replicates 0 to 100 have 2.5 and 97.5 as their outer fortieths; one that is unknown counts for nothing."""
    assert interval(np.concatenate([[0.5], np.arange(101.0), [np.nan]])) == [0.5, 2.5, 97.5]
