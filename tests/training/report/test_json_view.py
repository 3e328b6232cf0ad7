from dataclasses import fields, replace
from math import inf, nan

import orjson

from anabranch.training.report.contents import Interval, Report
from anabranch.training.report.json_view import to_json


def test_keys_stand_in_the_order_of_the_dataclasses(priced: Report) -> None:
    found = orjson.loads(to_json(priced))
    assert list(found) == ["schema_version", *(field.name for field in fields(Report))]
    assert list(found["routers"][0]) == [field.name for field in fields(priced.routers[0])]
    assert list(found["routers"][0]["metrics"]) == ["aiq", "aiq_of_mix", "qnc", "ece"]


def test_figures_come_back_as_they_were(priced: Report) -> None:
    found = orjson.loads(to_json(priced))
    assert found["baselines"][1]["quality"] == {"value": 0.8, "low": 0.8 - 0.02, "high": 0.8 + 0.02}
    assert found["routers"][0]["verdict"]["saving_usd"] == 0.0015
    assert found["frontier"] == [[0.001, 0.6], [0.02, 0.8]]


def test_what_is_not_a_finite_number_is_null(priced: Report) -> None:
    odd = replace(priced.routers[0], metrics={"qnc": Interval(inf, -inf, nan)})
    found = orjson.loads(to_json(replace(priced, routers=(odd,))))
    assert found["routers"][0]["metrics"]["qnc"] == {"value": None, "low": None, "high": None}


def test_without_costs_they_are_null(unpriced: Report) -> None:
    found = orjson.loads(to_json(unpriced))
    assert found["baselines"][0]["cost"] is None
    assert found["routers"][0]["curve"][0]["cost"] is None


def test_a_cascade_is_a_result_of_another_kind(cascaded: Report) -> None:
    router, cascade, unpriced = orjson.loads(to_json(cascaded))["routers"]
    assert (router["row"]["kind"], router["calls"]) == ("router", None)
    assert (cascade["row"]["name"], cascade["row"]["kind"]) == ("frugal", "cascade")
    assert cascade["calls"]["answered"] == {"acme/small": 0.5, "acme/large": 0.48}
    assert cascade["calls"]["latency_p95_s"] == 2.5
    assert cascade["examples"][0]["estimated"] is None
    assert cascade["examples"][0]["called"] == ["acme/small", "acme/small", "acme/large"]
    assert unpriced["row"]["cost"] is None
