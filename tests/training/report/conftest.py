"""Reports made by hand, one for each unit of cost."""

from dataclasses import replace
from math import inf, nan

import pytest

from anabranch.training.report.contents import (
    Agreement,
    Bin,
    Calls,
    CurvePoint,
    Example,
    Interval,
    PairRow,
    Report,
    RouterResult,
    Row,
    TaskRow,
    Verdict,
)

SMALL, LARGE = "acme/small", "acme/large"


def around(value: float, width: float = 0.02) -> Interval:
    return Interval(value, value - width, value + width)


def row(name: str, kind: str, quality: float, cost: float | None) -> Row:
    """A row against a best single model of quality 0.8 and an oracle of quality 0.9."""
    paid = None if cost is None else Interval(cost, 0.9 * cost, 1.1 * cost)
    gain = quality - 0.8
    return Row(name, kind, around(quality), paid, around(gain), Interval(gain / 0.1, nan, nan), 1.0)


def verdict(word: str, gain: float, low: float) -> Verdict:
    paid = 0.0015 if word == "route" else None
    interval = Interval(gain, low, 2 * gain - low)
    return Verdict(word, f"{gain:+.3f} quality, says a test", interval, 500, 800, 0.02, paid, 12_345 if paid else None)


def router(name: str, word: str, quality: float, cost: float | None, low: float) -> RouterResult:
    def point(tradeoff: float, quality: float, share: float) -> CurvePoint:
        return CurvePoint(tradeoff, around(quality), None if cost is None else around(cost * share, 0.0))

    return RouterResult(
        row=row(name, "router", quality, cost),
        tradeoff=0.75,
        verdict=verdict(word, 0.03, low),
        curve=(point(0.0, 0.6, 0.5), point(0.75, quality, 1.0), point(1.0, 0.8, 2.0)),
        metrics={"aiq": around(0.77), "aiq_of_mix": around(0.74), "qnc": Interval(inf, 0.5, inf), "ece": around(nan)},
        shares={SMALL: 0.25, LARGE: 0.75},
        tasks=(
            TaskRow("maths", 400, around(0.9), around(0.01), 0.89, 0.95),
            TaskRow("law", 1, around(nan), around(nan), nan, nan),
        ),
        pairs=(),
        bins=(Bin(0.3, 0.25, 10), Bin(0.8, 0.85, 90)),
        examples=(Example("p7", "maths", "What is 1 + 1?", SMALL, "max_utility", 0.9, 0.0, LARGE, 1.0),),
    )


@pytest.fixture
def priced() -> Report:
    """Costs in USD: 0.001 and 0.02 a request, a span of 20."""
    baselines = (
        row(SMALL, "single", 0.6, 0.001),
        row(LARGE, "single", 0.8, 0.02),
        row(f"best single: {LARGE}", "baseline", 0.8, 0.02),
        row(f"cheapest: {SMALL}", "baseline", 0.6, 0.001),
        row("random mix", "baseline", 0.7, 0.0105),
        row("oracle", "baseline", 0.9, 0.004),
    )
    return Report(
        labels="helpdesk",
        split="test",
        prompts=500,
        arms=(SMALL, LARGE),
        best_single=LARGE,
        level=0.95,
        replicates=1000,
        baselines=baselines,
        cost_unit="usd",
        frontier=((0.001, 0.6), (0.02, 0.8)),
        routers=(router("knn", "route", 0.79, 0.01, 0.011), router("mlp", "do not route", 0.7, 0.008, -0.004)),
        agreements=(),
        notes=("2.5% of the quality cells are unknown and count for nothing",),
    )


def cascade(name: str, cost: float | None = 0.012) -> RouterResult:
    """Half of the prompts stay with the small model; 2 % get no answer."""
    calls = Calls(around(1.48), {SMALL: 0.5, LARGE: 0.48}, around(0.02), 1.5, 2.5)
    routed = router(name, "route", 0.83, cost, 0.02)
    asked = Example("p8", "law", "Is it?", LARGE, "unsure", nan, 1.0, LARGE, 1.0, called=(SMALL, SMALL, LARGE))
    silent = Example("p9", "law", "Was it?", "", "too_dear", nan, 0.0, LARGE, 1.0, called=(SMALL,))
    of_cascade = replace(routed.row, kind="cascade")
    return replace(routed, row=of_cascade, bins=(), examples=(asked, silent), calls=calls)


@pytest.fixture
def cascaded(priced: Report) -> Report:
    """A router and two cascades, one of which calls models of unknown cost."""
    return replace(priced, routers=(priced.routers[0], cascade("frugal"), cascade("unpriced", None)))


@pytest.fixture
def pair(priced: Report) -> Report:
    """Costs in calls to the better of two arms."""
    families = (
        PairRow("all", 500, 0.6, 0.8, around(0.65), 1.2, Interval(0.3, 0.2, 0.4), Interval(nan, nan, nan)),
        PairRow("law", 77, 0.5, 0.7, around(0.61), 1.1, Interval(0.25, 0.2, 0.3), Interval(0.6, 0.5, 0.7)),
    )
    shares = {SMALL: 0.0, LARGE: 1.0, "random mix": 0.5, "oracle": 0.2}
    rows = [
        row(one.name, one.kind, one.quality.value, shares[one.name]) for one in priced.baselines if one.name in shares
    ]
    routed = replace(router("knn", "not enough data", 0.75, 0.6, -0.001), pairs=families)
    alike = Agreement("knn", "knn.onnx", 0.998, 1, 1e-4, around(0.0, 0.001), around(0.002, 0.001))
    return replace(
        priced,
        baselines=tuple(rows),
        cost_unit="strong_share",
        frontier=((0.0, 0.6), (1.0, 0.8)),
        routers=(routed,),
        agreements=(alike,),
        notes=(),
    )


@pytest.fixture
def unpriced(priced: Report) -> Report:
    """No cost is known."""
    rows = tuple(replace(one, cost=None) for one in priced.baselines if not one.name.startswith("cheapest"))
    routers = (router("knn", "do not route", 0.79, None, -0.01),)
    return replace(priced, baselines=rows, cost_unit="none", frontier=(), routers=routers)
