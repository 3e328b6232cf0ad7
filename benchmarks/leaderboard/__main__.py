"""Train every router with a frozen encoder on every board, and write the leaderboard; prints JSON.

    python -m benchmarks.leaderboard --data SETS --work FOLDER [--only routerbench_rdc,pocket] [--recipes knn,mlp]
    python -m benchmarks.leaderboard --work FOLDER --write-only

Each run, a recipe on a board under a seed, is a file in WORK; what is there and still true is not run again. The page,
its JSON and its pictures are made of these files. Two processes may share WORK if they run different boards.
"""

import argparse
import json
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from anabranch.routers.registry import ROUTERS
from benchmarks.leaderboard.baselines import baseline_lines
from benchmarks.leaderboard.boards import BOARDS, POCKET, Board, boards_named
from benchmarks.leaderboard.entries import Entry, read_entry, write_entry
from benchmarks.leaderboard.labels import lay_out
from benchmarks.leaderboard.learn import Field, Terms, key_of, open_field, reason_against, run_entry
from benchmarks.leaderboard.page import write_page
from benchmarks.leaderboard.sheets import Sheet, entry_path, write_sheet


@dataclass(frozen=True)
class Plan:
    """What to run.

    Args:
        boards: in this order.
        recipes: registry names.
        seeds: 0 up to this number.
        fresh: run again what is there.
        retry: run again what failed.
        limit_s: seconds after which a run counts as failed.
    """

    boards: tuple[Board, ...]
    recipes: tuple[str, ...]
    seeds: int
    fresh: bool = False
    retry: bool = False
    limit_s: int = 3600


def run_boards(plan: Plan, data: Path, work: Path, terms: Terms) -> int:
    """Run what is not there yet; the number of runs done."""
    done = 0
    for board in plan.boards:
        field = open_field(board, lay_out(board, data, work), terms)
        rows = sorted({*ROUTERS, *plan.recipes})
        absent = {recipe: reason for recipe in rows if (reason := _reason(recipe, field))}
        write_sheet(sheet_of(field, absent), work)
        due = list(_due(plan, [recipe for recipe in plan.recipes if recipe not in absent], field, work))
        started = time.monotonic()
        for number, (recipe, seed) in enumerate(due, 1):
            entry = run_entry(recipe, seed, field, plan.limit_s)
            write_entry(entry, entry_path(work, board.name, recipe, seed))
            left_s = (time.monotonic() - started) / number * (len(due) - number)
            _say(f"{board.name} {number}/{len(due)}: {_news(entry)}; {left_s / 60:.0f} min left on this board")
        done += len(due)
    return done


def sheet_of(field: Field, absent: dict[str, str]) -> Sheet:
    """What the writer needs to know of a board."""
    board, ground = field.board, field.ground
    mix = ground.bar.mix
    points = () if mix is None else tuple(zip(mix.cost[0].tolist(), mix.quality[0].tolist(), strict=True))
    return Sheet(
        name=board.name,
        about=board.about,
        main=board.main,
        macro=board.macro,
        unit=ground.unit,
        field=field.hash,
        encoder=field.terms.encoder,
        replicates=field.terms.replicates,
        train=len(field.train),
        test=len(ground.table),
        arms=ground.table.arms,
        best_single=ground.table.arms[ground.best],
        lines=baseline_lines(ground),
        frontier=points,
        absent=absent,
    )


def _reason(recipe: str, field: Field) -> str:
    try:
        return reason_against(recipe, field)
    except Exception:  # a row that cannot be made fails in its run, where the error is kept
        return ""


def _due(plan: Plan, recipes: Sequence[str], field: Field, work: Path) -> Iterator[tuple[str, int]]:
    """The runs to do, all recipes of a seed before the next seed."""
    for seed in range(plan.seeds):
        for recipe in recipes:
            entry = None if plan.fresh else read_entry(entry_path(work, field.board.name, recipe, seed))
            stale = entry is None or entry.key != key_of(recipe, field)
            if stale or (plan.retry and entry is not None and entry.error):
                yield recipe, seed


def _news(entry: Entry) -> str:
    who = f"{entry.recipe}, seed {entry.seed}"
    if entry.error:
        return f"{who} failed: {entry.error.splitlines()[0][:200]}"
    seconds = float(entry.facts["train_cpu_s"])
    return f"{who}, {entry.rows['gain'][0]:+.4f} over the best single model, {seconds:.1f} s of CPU"


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _names(text: str) -> tuple[str, ...]:
    return tuple(name for name in text.split(",") if name)


def parsed(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, help="folder of the real sets; the pocket needs none")
    parser.add_argument("--work", type=Path, required=True, help="folder for label sets, runs and the pocket's answers")
    parser.add_argument("--docs", type=Path, default=Path("docs"), help="folder to write the page into")
    parser.add_argument("--only", type=_names, default=(), help=f"boards, of {', '.join(b.name for b in BOARDS)}")
    parser.add_argument("--recipes", type=_names, default=(), help="registry names; all rows if not given")
    parser.add_argument("--seeds", type=int, default=3, help="how many, from 0")
    parser.add_argument("--encoder", default=Terms.encoder)
    parser.add_argument("--cache", type=Path, help="folder of the embedding cache; the product's own if not given")
    parser.add_argument("--replicates", type=int, default=Terms.replicates)
    parser.add_argument("--threads", type=int, default=1, help="of torch")
    parser.add_argument("--fresh", action="store_true", help="run again what is there")
    parser.add_argument("--retry", action="store_true", help="run again what failed")
    parser.add_argument("--limit", type=int, default=Plan.limit_s, help="seconds after which a run counts as failed")
    parser.add_argument("--write-only", action="store_true", help="run nothing, write the page")
    parser.add_argument("--run-only", action="store_true", help="write no page")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run, then write the page."""
    given = parsed(arguments)
    boards = boards_named(given.only)
    if given.data is None and not given.write_only:
        if given.only and set(given.only) != {POCKET}:
            _say("--data is missing: the folder that holds the sets, a label set a folder")
            return 2
        boards = boards_named((POCKET,))
    torch.set_num_threads(given.threads)
    started, done = time.monotonic(), 0
    if not given.write_only:
        plan = Plan(boards, given.recipes or tuple(sorted(ROUTERS)), given.seeds, given.fresh, given.retry, given.limit)
        terms = replace(Terms(), encoder=given.encoder, cache=given.cache, replicates=given.replicates)
        done = run_boards(plan, given.data or Path(), given.work, terms)
    page = None if given.run_only else write_page(given.work, given.docs)
    took = round((time.monotonic() - started) / 60, 1)
    print(json.dumps({"runs": done, "minutes": took, "page": None if page is None else str(page)}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
