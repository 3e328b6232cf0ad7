"""Entries of a board to its standings: means over seeds, two kinds of spread, and what is significant."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from anabranch.training.metrics.bootstrap import interval, paired_p_value
from benchmarks.leaderboard.boards import Main
from benchmarks.leaderboard.entries import Entry
from benchmarks.leaderboard.holm import holm

LEVEL = 0.95
COMPARED = ("gain", "aiq_gain", "apgr_gain")
"""Figures that are differences, so that being above 0 is a claim."""


@dataclass(frozen=True)
class Figure:
    """A figure of one recipe.

    Args:
        value: mean over seeds, on the test prompts.
        low: of the interval of that mean over draws of the test prompts, the trained routers as they are.
        high: the same.
        seeds: the figure of each seed, in the order of the seeds.
    """

    value: float
    low: float
    high: float
    seeds: tuple[float, ...]


@dataclass(frozen=True)
class Standing:
    """One recipe on a board.

    Args:
        recipe: registry name.
        seeds: those that ended well.
        figures: by name; empty if every seed failed.
        p: Holm-adjusted one-sided p-value of each difference, over the board's recipes.
        facts: means over seeds of what is measured once a run.
        quality_kind: what its estimates mean.
        curve: cost and quality along the knob under the first seed.
        errors: why seeds failed, each reason once.
    """

    recipe: str
    seeds: tuple[int, ...]
    figures: Mapping[str, Figure] = field(default_factory=dict)
    p: Mapping[str, float] = field(default_factory=dict)
    facts: Mapping[str, float] = field(default_factory=dict)
    quality_kind: str = ""
    curve: tuple[tuple[float, ...], tuple[float, ...]] = ((), ())
    errors: tuple[str, ...] = ()


def standings(entries: Iterable[Entry], main: Main) -> tuple[Standing, ...]:
    """One standing a recipe, the highest main figure first; those without one last, by name."""
    runs: dict[str, list[Entry]] = {}
    for entry in sorted(entries, key=lambda entry: (entry.recipe, entry.seed)):
        runs.setdefault(entry.recipe, []).append(entry)
    adjusted = {name: _adjusted(runs, name) for name in COMPARED}
    rows = [
        _standing(recipe, seeds, {name: p[recipe] for name, p in adjusted.items() if recipe in p})
        for recipe, seeds in runs.items()
    ]
    return tuple(sorted(rows, key=lambda row: (main not in row.figures, -_value(row, main), row.recipe)))


def mean_rows(entries: Sequence[Entry], name: str) -> np.ndarray | None:
    """A figure's mean over the seeds that have it, in every bootstrap row [1 + R]; None if none has it."""
    rows = [entry.rows[name] for entry in entries if name in entry.rows]
    return np.mean(rows, axis=0) if rows else None


def figure(entries: Sequence[Entry], name: str) -> Figure | None:
    """A figure with both spreads; None if no seed has it.

    The same draws of prompts serve all seeds, so the interval is that of the mean over seeds.
    """
    mean = mean_rows(entries, name)
    if mean is None:
        return None
    low, high = interval(mean[1:], LEVEL)
    seeds = tuple(float(entry.rows[name][0]) for entry in entries if name in entry.rows)
    return Figure(float(mean[0]), float(low), float(high), seeds)


def _standing(recipe: str, entries: Sequence[Entry], p: Mapping[str, float]) -> Standing:
    good = [entry for entry in entries if not entry.error]
    figures = {name: found for name in (good[0].rows if good else ()) if (found := figure(good, name)) is not None}
    numbers = {name: [entry.facts[name] for entry in good] for name in (good[0].facts if good else ())}
    return Standing(
        recipe=recipe,
        seeds=tuple(entry.seed for entry in good),
        figures=figures,
        p=p,
        facts={
            name: float(np.mean([float(value) for value in values]))
            for name, values in numbers.items()
            if not isinstance(values[0], str)
        },
        quality_kind=str(good[0].facts.get("quality_kind", "")) if good else "",
        curve=good[0].curve if good else ((), ()),
        errors=tuple(dict.fromkeys(entry.error for entry in entries if entry.error)),
    )


def _adjusted(runs: Mapping[str, Sequence[Entry]], name: str) -> dict[str, float]:
    means = {recipe: mean for recipe, entries in runs.items() if (mean := mean_rows(entries, name)) is not None}
    p_values = holm([float(paired_p_value(mean[1:])) for mean in means.values()])
    return dict(zip(means, p_values.tolist(), strict=True))


def _value(row: Standing, main: Main) -> float:
    value = row.figures[main].value if main in row.figures else np.nan
    return -np.inf if np.isnan(value) else float(value)
