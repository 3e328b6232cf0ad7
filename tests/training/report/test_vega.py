from dataclasses import replace
from typing import Any

import orjson

from anabranch.training.report.contents import Report
from anabranch.training.report.vega import chart_specs


def scale(spec: dict[str, Any], channel: str) -> dict[str, Any]:
    """The scale of a channel in the first layer that has it."""
    found: dict[str, Any] = next(
        layer["encoding"][channel]["scale"] for layer in spec["layer"] if channel in layer["encoding"]
    )
    return found


def rows(spec: dict[str, Any]) -> list[dict[str, Any]]:
    """The data of all layers."""
    shared = [row for data in spec.get("datasets", {}).values() for row in data]
    return shared + [row for layer in spec["layer"] for row in layer.get("data", {}).get("values", [])]


def test_each_router_has_its_own_colour_in_the_legend(priced: Report) -> None:
    colour = scale(chart_specs(priced)["chart"], "color")
    assert colour["domain"] == ["knn", "mlp", "best mix of single models", "single models", "random mix", "oracle"]
    assert len(set(colour["range"][:2])) == 2 and len(colour["range"]) == 6


def test_the_cost_axis_follows_the_costs(priced: Report, pair: Report) -> None:
    assert scale(chart_specs(priced)["chart"], "x")["type"] == "log"
    assert scale(chart_specs(pair)["chart"], "x")["type"] == "linear"


def test_the_pointer_reads_figures_as_people_write_them(priced: Report) -> None:
    """The calibrated point of knn: 0.79 within 0.02, at 0.01 USD within a tenth."""
    texts = {
        (row.get("name"), row.get("quality_text"), row.get("cost_text")) for row in rows(chart_specs(priced)["chart"])
    }
    assert ("knn", "0.790 [0.770, 0.810]", "10.0 [9.00, 11.0]") in texts


def test_without_costs_the_chart_ranks_and_without_estimates_none_is_calibrated(unpriced: Report) -> None:
    unsure = replace(unpriced, routers=(replace(unpriced.routers[0], bins=()),))
    specs = chart_specs(unsure)
    assert list(specs) == ["chart"]
    assert [row["name"] for row in rows(specs["chart"])][:5] == ["oracle", "large", "knn", "random mix", "small"]


def test_the_calibration_shows_every_bin(priced: Report) -> None:
    shown = rows(chart_specs(priced)["calibration"])
    assert sum(row.get("router") == "knn" for row in shown) >= 2
    assert {row["count"] for row in shown if "count" in row} == {10, 90}


def test_no_address_is_named(priced: Report, pair: Report, unpriced: Report) -> None:
    for report in (priced, pair, unpriced):
        assert b"://" not in orjson.dumps(chart_specs(report))


def test_a_cascade_is_a_series_of_its_own(cascaded: Report) -> None:
    """The one of unknown cost has no place on the chart, but one in the ranking of qualities."""
    spec = chart_specs(cascaded)["chart"]
    assert "frugal (cascade)" in scale(spec, "color")["domain"]
    assert {row.get("series") for row in rows(spec)} >= {"knn", "frugal (cascade)"}
    assert "unpriced (cascade)" not in scale(spec, "color")["domain"]
    ranked = chart_specs(replace(cascaded, cost_unit="none", frontier=()))["chart"]
    assert [row["name"] for row in rows(ranked)][1:3] == ["frugal (cascade)", "unpriced (cascade)"]
