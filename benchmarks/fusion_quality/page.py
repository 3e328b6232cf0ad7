"""The page: what was named beforehand and how it fell, and every row of the table."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from benchmarks.fusion_quality.arms import NAMED, ROUTER, VOTERS
from benchmarks.leaderboard.columns import three
from benchmarks.leaderboard.entries import write_whole
from benchmarks.leaderboard.page import markdown, rounded

Found = Mapping[str, Any]


def write_page(found: Found, docs: Path) -> Path:
    """Write fusion-measured.md and fusion-measured.json; the page's path."""
    write_whole(json.dumps(rounded(dict(found)), indent=1) + "\n", docs / "fusion-measured.json")
    write_whole(page(found), docs / "fusion-measured.md")
    return docs / "fusion-measured.md"


def page(found: Found) -> str:
    """The whole page as Markdown."""
    parts = [_head(found), "## The comparison that was named beforehand", "\n".join(_named(found))]
    return "\n\n".join([*parts, "## Every row", markdown(_COLUMNS, [*_rows(found)]), _READING]) + "\n"


_COLUMNS = ("who answers", "accuracy", "over the best model", "over the router", "USD a 1,000", "CPU seconds")

_READING = f"""* **Accuracy**: share of the answers that the prompt's own exact judge takes, and its 95 % interval \
over prompts. Only the comparison named above is a test; the other rows are exploration, and the best of many is \
partly luck.
* **USD a 1,000**: at the pool's prices, each member's for what it read of the prompt and for every token that it \
computed, drafts and judgements included. A vote pays all voters.
* **CPU seconds**: of writing all answers, 32 at once, on one thread; not measured for recorded answers.
* *majority*: the answer that most of the {VOTERS} models give that were best on the training prompts; of several, \
that of the best of them. *router*: what `anabranch train auto` builds (`{ROUTER}`), at its calibrated trade-off, \
which is the cheapest that is as good as the best single model, and at 1, which asks for quality alone.
* All models write greedily; `me` draws a model for each token all the same. `purify` is meant for models of one \
vocabulary, which these are not; it is here as it falls.
* `packllm` weighs models by how well they predict the prompt. Each model of this pool was taught some kinds of \
prompts and never saw others, so a prompt's likelihood all but says who was taught to answer it. Whether anything like \
it holds of models that have read the same web is not measured here."""


def _head(found: Found) -> str:
    best = ", ".join(f"`{name}`" for name in found["best"])
    return f"""# Fusion during inference, measured

Every method of `anabranch methods --stage during`, with its defaults, on {found["test"]:,} fresh prompts of the \
pocket pool, beside each model alone, a majority vote and a router. Written by

```
python -m benchmarks.fusion_quality --work FOLDER
```

{found["train"]:,} other prompts say which models are best ({best}, in this order), and train the router. The models \
of the pool are tiny and were taught different things, so this shows what the methods do, not what they would do for \
yours: `anabranch evaluate --fusion` measures that."""


def _named(found: Found) -> Iterator[str]:
    (row,) = [row for row in found["rows"] if row["arm"] == found["named"]]
    yield f"`{NAMED}` of the two best models with equal weights ({row['arm'].partition(': ')[2]}):\n"
    for what, against in (
        ("over_best_single", f"the better of the two alone, `{found['best'][0]}`"),
        ("over_router", "the router"),
    ):
        yield f"* less {against}: {_interval(row[what], signed=True)}, {_word(row[what])}."


def _rows(found: Found) -> Iterator[list[str]]:
    for row in sorted(found["rows"], key=lambda row: -float(row["accuracy"]["value"])):
        name = f"**{row['arm']}**" if row["arm"] == found["named"] else row["arm"]
        seconds = f"{row['cpu_s']:.0f}" if row["cpu_s"] else ""
        compared = [
            _interval(row[what], signed=True) if any(row[what].values()) else ""
            for what in ("over_best_single", "over_router")
        ]
        yield [name, _interval(row["accuracy"]), *compared, f"{row['usd_per_1000']:.5f}", seconds]


def _interval(interval: Mapping[str, float], *, signed: bool = False) -> str:
    value, low, high = (three(interval[name]) for name in ("value", "low", "high"))
    if signed:
        value, low, high = (f"{interval[name]:+.3f}" for name in ("value", "low", "high"))
    return f"{value} [{low}, {high}]"


def _word(interval: Mapping[str, float]) -> str:
    if interval["low"] > 0:
        return "the fusion is better"
    return "the fusion is worse" if interval["high"] < 0 else "no difference is shown"
