"""The page: what was named beforehand and how it fell, a table and a picture a board, what is missing where."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.cascade_curves.boards import BOARDS, MIX, NAMED, NAMED_BOARDS, READ, CascadeBoard
from benchmarks.cascade_curves.plots import draw_board
from benchmarks.leaderboard.columns import number, three
from benchmarks.leaderboard.entries import write_whole
from benchmarks.leaderboard.page import markdown, rounded

Found = Mapping[str, Any]


def write_page(work: Path, docs: Path) -> Path:
    """Write cascades.md, cascades.json and a picture a board of what `work` holds; the page's path.

    Raises:
        ValueError: no board was run.
    """
    boards = [(board, json.loads(path.read_bytes())) for board in BOARDS if (path := _figures(work, board)).is_file()]
    if not boards:
        raise ValueError(f"{work} holds no board: run at least one first")
    for board, found in boards:
        draw_board(board.name, found["report"], docs / "images" / f"cascades-{board.name}.png")
    write_whole(figures(boards), docs / "cascades.json")
    write_whole(page(boards), docs / "cascades.md")
    return docs / "cascades.md"


def figures(boards: Sequence[tuple[CascadeBoard, Found]]) -> str:
    """Every figure as JSON, a board a line, without the decisions' details."""
    lines = [json.dumps({"board": board.name, **rounded(_without_details(found))}) for board, found in boards]
    return "[\n" + ",\n".join(lines) + "\n]\n"


def page(boards: Sequence[tuple[CascadeBoard, Found]]) -> str:
    """The whole page as Markdown."""
    missing = [board.name for board in BOARDS if board.name not in {one.name for one, _ in boards}]
    parts = [_HEAD, *([f"**This is a partial run.** Missing: {', '.join(missing)}."] if missing else []), _READING]
    parts += ["## The comparison that was named beforehand", "\n".join(_named(boards))]
    parts += ["## What can be used where", _where(boards)]
    for board, found in boards:
        parts += _board(board, found)
    return "\n\n".join(parts) + "\n"


_HEAD = """# Cascades, measured

Every cascade of `anabranch methods --stage cascade` on every board whose answers it can read, beside routers and \
single models. Written by

```
python -m benchmarks.cascade_curves --data SETS --work FOLDER
```

which trains as `anabranch train RECIPE` does, with defaults and seed 0. Nothing was tuned for a board, and test \
prompts decided nothing. `cascades.json` has every figure and the curves."""

_READING = f"""## How to read it

* **AIQ**: mean height of the concave hull of the cost-quality curve between the mean costs of the cheapest and the \
dearest model, the same interval for all rows of a board. Rows are sorted by it. A cascade pays for every call it makes.
* **Over the {NAMED[1]}**: that area less the area of the router that `anabranch train auto` builds, on the same draws \
of test prompts. **Over {READ}**: the same of the router whose estimates cascades read before any call, so what \
looking at answers adds to it. Only the comparison named below is a test; the other rows are exploration, and the best \
of many is partly luck.
* *Best mix of single models*: what reads no prompt and no answer, chosen on the training prompts. A row below it is \
worth less than a coin between two models.
* **Calibrated**: the cheapest stop that kept the best single model's quality on the validation prompts, and what it \
reached on the test prompts; *calls* is how many a prompt took there.
* **Verdict**: that calibrated point against the best mix of single models at the same cost.
* Costs that a board calls estimates come from a table of prices, four characters a token. They order the models; they \
are nobody's bill.
* [95 %] are intervals over test prompts, of systems as they were trained once. Figures between boards do not \
compare."""


def _named(boards: Sequence[tuple[CascadeBoard, Found]]) -> Iterator[str]:
    yield (
        f"At equal cost, averaged over all costs from the cheapest to the dearest single model: `{NAMED[0]}` less "
        f"`{NAMED[1]}`, on 2,000 fresh prompts of the pocket pool and on one real set with real costs."
    )
    yield ""
    for board, found in boards:
        if board.name in NAMED_BOARDS:
            over = found["over"][NAMED[1]].get(NAMED[0])
            yield f"* {board.name}: {'it could not be trained' if over is None else f'{_signed(over)}, {_word(over)}'}."
    yield ""
    yield (
        f"Not named beforehand, and no less worth knowing: `{NAMED[0]}` less `{READ}`, the router that it reads before "
        "any call."
    )
    yield ""
    for board, found in boards:
        if (over := found["over"][READ].get(NAMED[0])) is not None:
            yield f"* {board.name}: {_signed(over)}."


def _word(over: Found) -> str:
    if over["low"] > 0:
        return "the cascade is better"
    return "the router is better" if over["high"] < 0 else "no difference is shown"


def _where(boards: Sequence[tuple[CascadeBoard, Found]]) -> str:
    """AIQ of each cascade on each board, or the number of the reason why there is none."""
    reasons: dict[str, int] = {}
    cells: dict[str, dict[str, str]] = {}
    for board, found in boards:
        area = {result["row"]["name"]: result["metrics"]["aiq"]["value"] for result in found["report"]["routers"]}
        for one in found["trained"]:
            why = _reason(one["refused"])
            place = reasons.setdefault(why, len(reasons) + 1) if why else 0
            cells.setdefault(one["row"], {})[board.name] = f"({place})" if why else number(area[one["row"]])
    names = [board.name for board, _ in boards]
    table = markdown(
        ["AIQ", *names], [[row, *(of.get(name, "") for name in names)] for row, of in sorted(cells.items())]
    )
    return "\n\n".join([table, "\n".join(f"* ({place}) {why}" for why, place in reasons.items())])


def _reason(refused: str) -> str:
    """The first of what an error says, whichever model it names.

    >>> _reason("model 'owl' has 1 answers to some prompt: collect more")
    'a model has 1 answers to some prompt'
    """
    return re.sub(r"model '[^']*'", "a model", re.split("[;:]", refused)[0])


def _board(board: CascadeBoard, found: Found) -> Iterator[str]:
    report = found["report"]
    yield f"## {board.name}"
    yield (
        f"{board.about} {len(report['arms'])} models, {found['train']:,} prompts to train and validate on, "
        f"{report['prompts']:,} to test. Best single model: {report['best_single']}."
    )
    yield f"![{board.name}](images/cascades-{board.name}.png)"
    yield _table(found)
    yield _singles(report)


def _table(found: Found) -> str:
    cpu_s = {one["row"]: one["cpu_s"] for one in found["trained"]}
    results = sorted(found["report"]["routers"], key=lambda result: -(result["metrics"]["aiq"]["value"] or 0))
    head = ["", "**AIQ** [95 %]", f"over the {NAMED[1]} [95 %]", f"over {READ} [95 %]"]
    head += ["calibrated quality [95 %]", "USD a thousand", "calls", "verdict", "training, CPU s"]
    lines = [_line(result, found["over"], cpu_s) for result in results]
    mix = [f"*{MIX}*", _spread(found["mix"]), *_over(MIX, found["over"])]
    place = sum((result["metrics"]["aiq"]["value"] or 0) > found["mix"]["value"] for result in results)
    return markdown(head, [*lines[:place], [*mix, *[""] * (len(head) - len(mix))], *lines[place:]])


def _line(result: Found, over: Mapping[str, Mapping[str, Found]], cpu_s: Mapping[str, float]) -> list[str]:
    row, name = result["row"], result["row"]["name"]
    calls = "1" if result["calls"] is None else number(result["calls"]["per_prompt"]["value"], 2)
    return [
        f"{name} ({row['kind']})" if row["kind"] == "router" else name,
        _spread(result["metrics"]["aiq"]),
        *_over(name, over),
        _spread(row["quality"]),
        three(1000 * row["cost"]["value"]),
        calls,
        result["verdict"]["word"],
        three(cpu_s[name]),
    ]


def _over(name: str, over: Mapping[str, Mapping[str, Found]]) -> list[str]:
    return [_signed(of[name]) if name in of else "" for of in over.values()]


def _singles(report: Found) -> str:
    body = [
        [row["name"], _spread(row["quality"]), "" if row["cost"] is None else three(1000 * row["cost"]["value"])]
        for row in report["baselines"]
    ]
    return markdown(["single models and baselines", "quality [95 %]", "USD a thousand"], body)


def _spread(interval: Found) -> str:
    return f"{_number(interval['value'])} [{_number(interval['low'])}, {_number(interval['high'])}]"


def _signed(interval: Found) -> str:
    return f"{interval['value']:+z.3f} [{interval['low']:+z.3f}, {interval['high']:+z.3f}]"


def _number(value: float | None) -> str:
    return "—" if value is None else number(value)


def _without_details(found: Found) -> dict[str, Any]:
    dropped = {"examples", "bins", "pairs", "tasks"}
    routers = [{name: part for name, part in one.items() if name not in dropped} for one in found["report"]["routers"]]
    return {**found, "report": {**found["report"], "routers": routers}}


def _figures(work: Path, board: CascadeBoard) -> Path:
    return work / "boards" / f"{board.name}.json"
