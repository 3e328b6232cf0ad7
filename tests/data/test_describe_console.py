from collections.abc import Callable
from io import StringIO

from rich.console import Console

from anabranch.data.describe import describe
from anabranch.data.describe_console import render
from anabranch.data.labelset import LabelSet

Build = Callable[..., LabelSet]


def printed(labels: LabelSet) -> list[str]:
    console = Console(file=StringIO(), width=120)
    console.print(render(describe(labels)))
    text = console.file.getvalue()  # type: ignore[attr-defined]
    return [" ".join(line.replace("│", " ").split()) for line in text.splitlines()]


def test_a_label_set_is_shown_as_tables(build: Build) -> None:
    """The best single model on train is a; on test it has 0.5 and b 1."""
    prompts = [("x", "one", "train", "count"), ("y", "two", "test", "count")]
    labels = [("x", "a", 1.0, 0.002), ("y", "a", 0.5, 0.004), ("x", "b", 0.5, None), ("y", "b", 1.0, None)]

    lines = printed(build(prompts, labels))

    assert "count 1 0 1" in lines
    assert "a 100.0% 0.7500 0.003" in lines
    assert "b 100.0% 0.7500 not known" in lines
    assert "best single model on test a 0.5000" in lines
    assert "oracle on test 1.0000" in lines
    assert "labels with known cost 50.0%" in lines


def test_a_set_of_preferences_only_says_so(build: Build) -> None:
    full = build([("x", "one", "train", "count")], [("x", "a", 1.0, None)], [("x", "a", "b", "a")])

    lines = printed(LabelSet(full.prompts, full.labels.slice(0, 0), full.preferences))

    assert "labels none, preferences only" in lines
    assert "preferences 1" in lines
