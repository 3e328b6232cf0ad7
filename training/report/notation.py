"""How figures are written for people; what is not defined is a dash, never nan."""

import math

from anabranch.training.report.contents import CostUnit, Interval

MISSING = "–"
REQUESTS = 1000  # a single request costs too little to read

_SIGNIFICANT = 3
_MOST_DECIMALS = 8


def number(value: float, decimals: int = 3, signed: bool = False) -> str:
    """A figure with a fixed number of decimals.

    >>> number(0.87654), number(0.0123, signed=True), number(float("nan")), number(float("inf"))
    ('0.877', '+0.012', '–', '∞')
    """
    if math.isnan(value):
        return MISSING
    if math.isinf(value):
        return "∞" if value > 0 else "-∞"
    return f"{value:{'+' if signed else ''},.{decimals}f}"


def interval(figure: Interval, decimals: int = 3, signed: bool = False) -> str:
    """A figure and its interval; the figure alone where there is none.

    >>> interval(Interval(0.87, 0.843, 0.894)), interval(Interval(0.05, float("nan"), float("nan")))
    ('0.870 [0.843, 0.894]', '0.050')
    """
    return _with_ends(figure, [number(end, decimals, signed) for end in (figure.value, figure.low, figure.high)])


def percent(value: float, decimals: int = 0, signed: bool = False) -> str:
    """A share as per cent.

    >>> percent(0.998, 1), percent(-4.676), percent(float("nan"))
    ('99.8 %', '-468 %', '–')
    """
    text = number(100 * value, decimals, signed)
    return f"{text} %" if math.isfinite(value) else text


def percent_interval(figure: Interval) -> str:
    """A share and its interval as per cent.

    >>> percent_interval(Interval(0.281, 0.2, 0.4))
    '28 % [20, 40]'
    """
    return _with_ends(figure, [percent(figure.value), *(number(100 * end, 0) for end in (figure.low, figure.high))])


def significant(value: float) -> str:
    """A figure to three significant digits, never in scientific notation.

    >>> significant(0.0880123), significant(5.989), significant(1234.5), significant(0.0)
    ('0.0880', '5.99', '1,234', '0')
    """
    if value == 0 or not math.isfinite(value):
        return number(value, 0)
    decimals = _SIGNIFICANT - 1 - math.floor(math.log10(abs(value)))
    return number(value, min(max(decimals, 0), _MOST_DECIMALS))


def significant_interval(figure: Interval) -> str:
    """A figure and its interval to three significant digits.

    >>> significant_interval(Interval(2.0, 1.9, 2.1))
    '2.00 [1.90, 2.10]'
    """
    return _with_ends(figure, [significant(end) for end in (figure.value, figure.low, figure.high)])


def seconds(value: float) -> str:
    """A time to three significant digits.

    >>> seconds(1.5), seconds(float("nan"))
    ('1.50 s', '–')
    """
    return f"{significant(value)} s" if math.isfinite(value) else MISSING


def cost(value: float | None, unit: CostUnit) -> str:
    """A mean cost without its unit: USD per 1,000 requests, or per cent of the calls.

    >>> cost(0.002004, "usd"), cost(0.25, "strong_share"), cost(None, "none")
    ('2.00', '25.0 %', '–')
    """
    if value is None:
        return MISSING
    return significant(value * REQUESTS) if unit == "usd" else percent(value, 1)


def cost_interval(figure: Interval | None, unit: CostUnit) -> str:
    """A mean cost and its interval, without the unit.

    >>> cost_interval(Interval(0.002, 0.0019, 0.0021), "usd")
    '2.00 [1.90, 2.10]'
    """
    if figure is None:
        return MISSING
    return _with_ends(figure, [cost(end, unit) for end in (figure.value, figure.low, figure.high)])


def cost_title(unit: CostUnit) -> str:
    """What a column or an axis of costs is headed."""
    titles: dict[CostUnit, str] = {
        "usd": f"USD per {REQUESTS:,} requests",
        "strong_share": "calls to the better model",
        "none": "cost unknown",
    }
    return titles[unit]


def _with_ends(figure: Interval, texts: list[str]) -> str:
    value, low, high = texts
    return value if math.isnan(figure.low) or math.isnan(figure.high) else f"{value} [{low}, {high}]"
