"""The page: what was measured, on what, how to read it, what is not claimed; a table and a picture a board."""

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from anabranch.routers.registry import ROUTERS
from benchmarks.leaderboard.boards import BOARDS, Board
from benchmarks.leaderboard.columns import columns_of, number, three
from benchmarks.leaderboard.entries import write_whole
from benchmarks.leaderboard.plots import draw_board
from benchmarks.leaderboard.sheets import Line, Sheet, read_entries, read_sheet
from benchmarks.leaderboard.standings import Standing, standings

SEEDS = 3
Ranked = tuple[Sheet, tuple[Standing, ...]]


def write_page(work: Path, docs: Path, known: Sequence[Board] = BOARDS) -> Path:
    """Write leaderboard.md, leaderboard.json and a picture a board of what `work` holds; the page's path.

    Args:
        work: where the runs lie.
        docs: folder to write into.
        known: the boards of a full leaderboard.

    Raises:
        ValueError: no board was run.
    """
    boards = read_boards(work, known)
    if not boards:
        raise ValueError(f"{work} holds no run: run at least one board first")
    for sheet, rows in boards:
        draw_board(sheet, rows, docs / "images" / f"leaderboard-{sheet.name}.png")
    gaps = missing(boards, known)
    write_whole(figures(boards, gaps), docs / "leaderboard.json")
    write_whole(page(boards, gaps), docs / "leaderboard.md")
    return docs / "leaderboard.md"


def read_boards(work: Path, known: Sequence[Board]) -> list[Ranked]:
    """Every board that was run, in the order of the table of boards, with its standings."""
    sheets = [sheet for board in known if (sheet := read_sheet(work, board.name)) is not None]
    return [(sheet, standings(read_entries(work, sheet), sheet.main)) for sheet in sheets]


def missing(boards: Sequence[Ranked], known: Sequence[Board]) -> list[str]:
    """What a full leaderboard would have and this one has not, in sentences; empty for a full one."""
    found = [f"board {board.name} was not run" for board in known if board.name not in {s.name for s, _ in boards}]
    for sheet, rows in boards:
        due = set(ROUTERS) - set(sheet.absent)
        if absent := sorted(due - {row.recipe for row in rows}):
            found.append(f"{sheet.name}: {len(absent)} of {len(due)} recipes were not run ({', '.join(absent)})")
        if few := sorted(row.recipe for row in rows if not row.errors and len(row.seeds) < SEEDS):
            found.append(f"{sheet.name}: fewer than {SEEDS} seeds of {', '.join(few)}")
    return found


def figures(boards: Sequence[Ranked], gaps: Sequence[str]) -> str:
    """Everything but the curves as JSON: what is missing, the boards, and their rows; one a line."""
    rows = [{"board": sheet.name, **asdict(row)} for sheet, standing in boards for row in standing]
    for row in rows:
        del row["curve"]
    parts: dict[str, list[Any]] = {
        "missing": list(gaps),
        "boards": [asdict(sheet) for sheet, _ in boards],
        "rows": rows,
    }
    lists = [
        f'"{name}": [\n' + ",\n".join(json.dumps(rounded(one)) for one in part) + "\n]" for name, part in parts.items()
    ]
    return "{\n" + ",\n".join(lists) + "\n}\n"


def rounded(contents: Any) -> Any:
    """The same with six digits a number, and null for what is not finite, which JSON has no word for.

    >>> rounded({"a": [1.23456789, float("inf")], "b": (2, "x")})
    {'a': [1.23457, None], 'b': [2, 'x']}
    """
    if isinstance(contents, Mapping):
        return {name: rounded(value) for name, value in contents.items()}
    if isinstance(contents, list | tuple):
        return [rounded(value) for value in contents]
    if not isinstance(contents, float):
        return contents
    return float(f"{contents:.6g}") if math.isfinite(contents) else None


def page(boards: Sequence[Ranked], gaps: Sequence[str]) -> str:
    """The whole page as Markdown."""
    parts = [_head(boards[0][0]), *_partial(gaps), _READING]
    for sheet, rows in boards:
        parts += _board(sheet, rows)
    return "\n\n".join([*parts, *_absent(boards)]) + "\n"


def _head(sheet: Sheet) -> str:
    return f"""# Leaderboard

Every router of `anabranch methods` that leaves its encoder frozen, trained on every board with its own defaults and \
measured on prompts that it has not seen. Losers stand where they end, failures where they failed. Written by

```
python -m benchmarks.leaderboard --data SETS --work FOLDER
```

which trains as `anabranch train RECIPE --seed S` does: embeddings of `{sheet.encoder}`, 15 % of the training prompts \
kept for choosing epochs and the trade-off, no setting tuned for any board. `leaderboard.json` has every figure, \
those of single seeds included."""


def _partial(gaps: Sequence[str]) -> Iterator[str]:
    if gaps:
        yield "**This is a partial run.** Missing:"
        yield "\n".join(f"* {gap}" for gap in gaps)


_READING = """## How to read it

* **Order.** Rows are sorted by the figure in bold: AIQ where answers have costs, APGR where a strong and a weak model \
share the calls, else quality.
* **Quality first.** `quality`, `over best single` and `headroom recovered` are of trade-off 1, where quality alone \
counts: the model that is thought best answers. *Headroom* is the way from the best single model (0) to the oracle, \
which knows every answer (1); below 0 a router does harm.
* **Calibrated.** The cheapest trade-off that kept the best single model's quality on the validation prompts.
* **AIQ**: mean height of the concave hull of the cost-quality curve between the cheapest and the dearest model's mean \
costs, the same interval for all rows. *Zero* is the best mix of single models, chosen on the training prompts; it \
reads no prompt. **APGR**: mean share of the gap between weak and strong model that is recovered as the share of \
strong calls goes from 0 to 1; a coin has 0.5. **CPT50**: share of strong calls that recovers half of the gap. \
**QNC**: cost of reaching the best single model's quality, as a share of that model's cost; for a pair, the share of \
strong calls. It looks for that point on the test prompts, so it flatters. **Brier**: mean squared error of the \
estimates, only where they are meant as expected quality.
* **Two spreads.** Figures are means over seeds. [95 %] is the interval of that mean over draws of the test prompts, \
the trained routers as they are; *seeds* is the lowest and the highest of the main figure when split, initial weights \
and draws change. Neither contains the other. \
Pictures without costs show the paired difference to the best single model, which is surer than the quality itself.
* **`*`**: the difference is above 0 at 5 % after Holm's correction over the board's recipes (one-sided, paired \
bootstrap, same draws for all rows). Only these rows are claims. The first place among many is partly luck.
* **Cost of a decision.** Microseconds from embedding to decision through the exported ONNX head, one prompt, one \
thread; kB of that head; CPU seconds of the whole `train` with embeddings ready, reading and splitting included.

Not claimed: that the order holds on other prompts, other models or another encoder; that settings tuned for a board \
would not change it; that a method here is what its authors would run. Figures between boards do not compare."""


def _board(sheet: Sheet, rows: Sequence[Standing]) -> Iterator[str]:
    yield f"## {sheet.name}"
    means = "means over tasks" if sheet.macro else "means over prompts"
    yield (
        f"{sheet.about} {len(sheet.arms)} models, {sheet.train:,} prompts to train on and {sheet.test:,} to test, "
        f"{means}, {sheet.replicates:,} bootstrap draws. Best single model: {sheet.best_single}."
    )
    yield _baselines(sheet)
    yield f"![{sheet.name}](images/leaderboard-{sheet.name}.png)"
    yield _table(sheet, rows)
    failed = [f"* {row.recipe}: {_first_line(error)}" for row in rows for error in row.errors]
    if failed:
        yield "Failed:"
        yield "\n".join(failed)


def _baselines(sheet: Sheet) -> str:
    """One line a baseline, in the columns that the board has."""
    area = {"aiq": "AIQ", "apgr": "APGR"}.get(sheet.main)
    head = ["baseline", "quality", "headroom"]
    head += {"usd": ["USD a thousand"], "strong_share": ["share of strong calls"], "none": []}[sheet.unit]
    head += [area] if area else []
    return markdown(head, [_baseline(line, sheet, area) for line in sheet.baselines])


def _baseline(line: Line, sheet: Sheet, area: str | None) -> list[str]:
    quality = f"{line.quality.value:.3f} [{line.quality.low:.3f}, {line.quality.high:.3f}]"
    cells = [line.name, quality, number(line.headroom.value, 2)]
    if sheet.unit != "none":
        cells.append("" if line.cost is None else three(line.cost.value * (1000 if sheet.unit == "usd" else 1)))
    if area == "AIQ":
        cells.append("" if line.aiq is None else f"{line.aiq.value:.3f} [{line.aiq.low:.3f}, {line.aiq.high:.3f}]")
    if area == "APGR":
        cells.append("" if line.apgr is None else number(line.apgr))
    return cells


def _table(sheet: Sheet, rows: Sequence[Standing]) -> str:
    shown = columns_of(sheet, rows)
    body = [
        [str(place) if row.figures else "", row.recipe, *(column.cell(row) for column in shown)]
        if row.figures
        else ["", row.recipe, "failed", *("" for _ in shown[1:])]
        for place, row in enumerate(rows, 1)
    ]
    return markdown(["", "recipe", *(column.title for column in shown)], body)


def _absent(boards: Sequence[Ranked]) -> Iterator[str]:
    reasons: dict[str, dict[str, list[str]]] = {}
    for sheet, _ in boards:
        for recipe, reason in sheet.absent.items():
            reasons.setdefault(recipe, {}).setdefault(reason, []).append(sheet.name)
    if reasons:
        yield "## Not on the boards"
        lines = [
            f"* {recipe}: {reason}" + ("" if len(names) == len(boards) else f" ({', '.join(names)})")
            for recipe, why in sorted(reasons.items())
            for reason, names in why.items()
        ]
        yield "\n".join(lines)


def markdown(head: Sequence[str], body: Sequence[Sequence[str]]) -> str:
    """A table."""
    lines = [head, ["---"] * len(head), *body]
    return "\n".join(f"| {' | '.join(cell.replace('|', '/') for cell in line)} |" for line in lines)


def _first_line(text: str) -> str:
    return text.strip().splitlines()[0][:300]
