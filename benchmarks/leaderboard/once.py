"""A measurement board after board, each kept in a file and done once."""

import argparse
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from benchmarks.leaderboard.boards import BOARDS, POCKET, Board, boards_named

Measurement = Callable[[Board, Path, Path], dict[str, Any] | None]


def measure_boards(description: str | None, name: str, measure: Measurement) -> None:
    """Measure the boards that the command line asks for and WORK does not hold yet, and print all of them.

    Args:
        description: of the command.
        name: the results' folder below WORK.
        measure: a board, the folder of sets and WORK to what is printed; None where there is nothing to measure.
    """
    real = tuple(board.name for board in BOARDS if board.name != POCKET)
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder of the real sets")
    parser.add_argument("--work", type=Path, required=True, help="folder for label sets and results")
    parser.add_argument("--only", default=",".join(real), help="boards, separated by commas")
    parser.add_argument("--threads", type=int, default=1, help="of torch")
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    (given.work / name).mkdir(parents=True, exist_ok=True)
    found = []
    for board in boards_named(tuple(given.only.split(","))):
        path = given.work / name / f"{board.name}.json"
        if not path.exists():
            path.write_text(json.dumps(measure(board, given.data, given.work)))
        found.append(json.loads(path.read_text()))
    print(json.dumps([one for one in found if one is not None], indent=1))
