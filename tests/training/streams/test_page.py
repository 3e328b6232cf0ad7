"""docs/neural-caching.md is true: its example, its rules and its settings."""

import re
from dataclasses import fields
from pathlib import Path
from typing import Any

from anabranch.training.streams.registry import RULES
from anabranch.training.streams.settings import CacheSettings

PAGE = (Path(__file__).parents[3] / "docs" / "neural-caching.md").read_text(encoding="utf-8")


def section(title: str) -> str:
    return PAGE.partition(f"## {title}\n")[2].partition("\n## ")[0]


def test_the_example_runs_and_makes_the_calls_that_it_says() -> None:
    (code,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    names: dict[str, Any] = {}
    exec(code, names)
    (said,) = re.findall(r"cache\.calls  # (\d+)", code)
    assert names["cache"].calls == int(said)


def test_the_table_of_rules_has_them_all() -> None:
    assert sorted(re.findall(r"^\| `([a-z-]+)` \|", section("The rules"), re.MULTILINE)) == sorted(RULES)


def test_the_table_of_settings_has_all_but_the_seed_with_their_defaults() -> None:
    told: dict[str, str] = {}
    for names, default in re.findall(r"^\| (`[^|]+) \|[^|]+\|([^|]*)\|", section("Settings"), re.MULTILINE):
        told |= dict(zip(re.findall(r"`(\w+)`", names), default.replace("`", "").strip().split(", "), strict=True))
    known = {field.name: field.default for field in fields(CacheSettings) if field.name not in ("seed", "budget")}
    assert told.pop("budget") == ""
    assert told == {name: "none" if default is None else str(default) for name, default in known.items()}
