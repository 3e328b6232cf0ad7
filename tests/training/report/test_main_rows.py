from dataclasses import replace
from math import nan

from anabranch.training.report.contents import Interval, Report
from anabranch.training.report.main_rows import main_rows, partly_covered


def test_routers_then_baselines_then_single_models_best_first(priced: Report) -> None:
    names = [[row.name for row in group] for group in main_rows(priced)]
    assert names == [
        ["knn", "mlp"],
        ["best single: large", "cheapest: small", "random mix", "oracle"],
        ["large", "small"],
    ]


def test_a_model_without_a_quality_comes_last(priced: Report) -> None:
    large, *rest = (priced.baselines[1], priced.baselines[0])
    unknown = replace(large, quality=Interval(nan, nan, nan))
    singles = main_rows(replace(priced, baselines=(unknown, *rest)))[2]
    assert [row.name for row in singles] == ["small", "large"]


def test_coverage_matters_once_a_cell_is_missing(priced: Report) -> None:
    assert not partly_covered(priced)
    first = priced.routers[0]
    assert partly_covered(replace(priced, routers=(replace(first, row=replace(first.row, coverage=0.99)),)))
