"""Train every cascade on every board it can learn from, beside routers, and write docs/cascades.md; prints JSON.

    python -m benchmarks.cascade_curves --data SETS --work FOLDER [--only pocket,routerbench_rdc]
    python -m benchmarks.cascade_curves --work FOLDER --write-only

Each training and each board's figures are kept in WORK and made once. One comparison was named before it was run, in
`boards.NAMED`: at equal cost, averaged over costs from the cheapest to the dearest single model, cascade routing
against the router that `train auto` builds, on fresh prompts of the pocket pool and on one real set.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import torch

from benchmarks.cascade_curves.boards import BOARDS, CascadeBoard, boards_named
from benchmarks.cascade_curves.labels import lay_out
from benchmarks.cascade_curves.learn import opened, train_all
from benchmarks.cascade_curves.measure import measured
from benchmarks.cascade_curves.page import write_page
from benchmarks.leaderboard.entries import write_whole


def run_board(board: CascadeBoard, data: Path, work: Path) -> None:
    """Collect, train and measure what is not there yet."""
    figures = work / "boards" / f"{board.name}.json"
    labels = lay_out(board, data, work)
    trained = train_all(board, labels, work)
    if not figures.exists():
        found = {"trained": [asdict(one) for one in trained]}
        found |= measured(board.name, labels, opened(board, work, trained))
        write_whole(json.dumps(found), figures)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run, then write the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, help="folder of the real sets; the pocket needs none")
    parser.add_argument("--work", type=Path, required=True, help="folder for label sets, runs and figures")
    parser.add_argument("--docs", type=Path, default=Path("docs"), help="folder to write the page into")
    parser.add_argument("--only", default="", help=f"boards, of {', '.join(board.name for board in BOARDS)}")
    parser.add_argument("--threads", type=int, default=1, help="of torch")
    parser.add_argument("--write-only", action="store_true", help="run nothing, write the page")
    parser.add_argument("--run-only", action="store_true", help="write no page")
    given = parser.parse_args(arguments)
    torch.set_num_threads(given.threads)
    boards = boards_named(tuple(name for name in given.only.split(",") if name))
    for board in () if given.write_only else boards:
        if board.folder and given.data is None:
            parser.error(f"--data is missing: the folder that holds {board.folder}")
        run_board(board, given.data or Path(), given.work)
    page = None if given.run_only else write_page(given.work, given.docs)
    print(json.dumps({"boards": [board.name for board in boards], "page": None if page is None else str(page)}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
