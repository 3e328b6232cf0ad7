from dataclasses import replace
from math import nan

import pytest

from anabranch.training.report.contents import Interval, Report
from anabranch.training.report.cost_quality import cost_quality, ranking


def test_usd_are_drawn_per_thousand_requests(priced: Report) -> None:
    """0.02 USD a request is 20 per 1,000; the best single model comes first, without its organisation."""
    chart = cost_quality(priced)
    assert [(point.name, *point.at) for point in chart.arms] == [("large", 20.0, 0.8), ("small", 1.0, 0.6)]
    assert [point.name for point in chart.references] == ["random mix", "oracle"]
    assert chart.calibrated["knn"].at == pytest.approx((10.0, 0.79))
    assert [point.tradeoff for point in chart.curves["knn"]] == [0.0, 0.75, 1.0]


def test_shares_are_drawn_as_per_cent(pair: Report) -> None:
    chart = cost_quality(pair)
    assert [point.cost.value for point in chart.arms] == [100.0, 0.0]
    assert not chart.x.log


def test_the_axis_is_logarithmic_beyond_a_span_of_ten(priced: Report) -> None:
    """The arms cost 1 and 20; at 3 and 20 the span is 6.7; a free arm has no logarithm."""
    assert cost_quality(priced).x.log
    assert not cost_quality(with_cheapest(priced, 0.003)).x.log
    assert not cost_quality(with_cheapest(priced, 0.0)).x.log


def with_cheapest(report: Report, cost: float) -> Report:
    small, *rest = report.baselines
    return replace(report, baselines=(replace(small, cost=Interval(cost, cost, cost)), *rest))


def test_everything_lies_inside_the_axes(priced: Report) -> None:
    chart = cost_quality(priced)
    points = [*chart.arms, *chart.references, *(point for curve in chart.curves.values() for point in curve)]
    assert all(0 < chart.x.share(point.cost.value) < 1 for point in points)
    assert all(0 < chart.y.share(point.quality.value) < 1 for point in points)


def test_the_mix_is_straight_in_cost(priced: Report) -> None:
    """Half-way from 1 to 20 USD per 1,000 the mix is half-way from 0.6 to 0.8."""
    mix = cost_quality(priced).mix
    assert len(mix) == 41
    assert mix[20] == pytest.approx((10.5, 0.7))


def test_the_mix_never_pays_more_for_less(priced: Report) -> None:
    """The dearest vertex, chosen on train, is worse here: the mix keeps what it had."""
    mix = cost_quality(replace(priced, frontier=((0.001, 0.6), (0.01, 0.75), (0.02, 0.7)))).mix
    assert max(quality for _, quality in mix) == pytest.approx(0.75)
    assert mix[-1] == pytest.approx((20.0, 0.75))


def test_an_arm_of_unknown_cost_is_left_out(priced: Report) -> None:
    assert [point.name for point in cost_quality(with_cheapest(priced, nan)).arms] == ["large"]


def test_without_costs_there_is_no_such_chart(unpriced: Report) -> None:
    with pytest.raises(ValueError, match="cost_unit is none"):
        cost_quality(unpriced)


def test_the_ranking_names_each_once_best_first(unpriced: Report) -> None:
    assert [row.name for row in ranking(unpriced)] == ["oracle", "large", "knn", "random mix", "small"]
