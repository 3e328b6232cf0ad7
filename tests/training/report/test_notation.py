from math import inf, nan

from hypothesis import given
from hypothesis import strategies as st

from anabranch.training.report import notation
from anabranch.training.report.contents import Interval

ANY = st.floats(allow_nan=True, allow_infinity=True)


@given(ANY, ANY, ANY)
def test_nothing_reads_nan_or_inf(value: float, low: float, high: float) -> None:
    figure = Interval(value, low, high)
    texts = [
        notation.number(value),
        notation.percent(value),
        notation.significant(value),
        notation.interval(figure, signed=True),
        notation.percent_interval(figure),
        notation.significant_interval(figure),
        notation.cost_interval(figure, "usd"),
        notation.cost_interval(figure, "strong_share"),
    ]
    assert not [text for text in texts if "nan" in text or "inf" in text]


@given(st.floats(1e-6, 1e9))
def test_three_significant_digits_are_within_half_a_per_cent(value: float) -> None:
    """Three digits leave a relative error of at most 0.5 / 100, met at 1.005."""
    assert abs(float(notation.significant(value).replace(",", "")) / value - 1) <= 0.005 + 1e-9


def test_a_figure_without_an_interval_stands_alone() -> None:
    assert notation.interval(Interval(0.5, nan, 0.7)) == "0.500"
    assert notation.interval(Interval(inf, 0.5, inf)) == "∞ [0.500, ∞]"
    assert notation.cost_interval(None, "none") == "–"


def test_costs_are_per_thousand_requests_or_per_cent() -> None:
    assert notation.cost_interval(Interval(0.25, 0.2, 0.3), "strong_share") == "25.0 % [20.0 %, 30.0 %]"
    assert notation.cost(0.0000123, "usd") == "0.0123"
