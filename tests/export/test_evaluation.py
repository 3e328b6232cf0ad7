from pathlib import Path

import orjson
import pytest

from anabranch.export.card import model_card
from anabranch.export.evaluation import evaluation_of
from anabranch.export.manifest import Manifest

FIGURE = {"value": 0.8, "low": 0.75, "high": 0.85}
UNKNOWN = {"value": None, "low": None, "high": None}


@pytest.fixture
def report(tmp_path: Path) -> Path:
    router = {
        "row": {"name": "mine", "quality": FIGURE, "cost": FIGURE},
        "verdict": {"word": "route", "gain": FIGURE},
        "metrics": {"aiq": FIGURE, "qnc": UNKNOWN},
        "curve": [{"tradeoff": 0.5, "quality": FIGURE, "cost": None}],
    }
    contents = {"labels": "shop", "split": "test", "prompts": 1200, "cost_unit": "usd", "routers": [router]}
    (tmp_path / "report.json").write_bytes(orjson.dumps(contents))
    return tmp_path


def test_a_runs_part_is_found_by_its_name(report: Path) -> None:
    found = evaluation_of(report, "mine")
    assert (found["verdict"], found["prompts"], found["curve"][0]["tradeoff"]) == ("route", 1200, 0.5)
    assert evaluation_of(report / "report.json", "mine") == found


def test_another_run_and_no_report_are_refused(report: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"holds no router 'yours'; it holds \['mine'\]"):
        evaluation_of(report, "yours")
    with pytest.raises(ValueError, match="anabranch evaluate RUN"):
        evaluation_of(tmp_path / "nowhere", "mine")


def test_the_card_has_the_verdict_and_the_curve(report: Path, manifest: Manifest) -> None:
    card = model_card("shop", manifest.model_copy(update={"metrics": {"evaluation": evaluation_of(report, "mine")}}))
    assert "On 1,200 test prompts of shop. Verdict: route; gain 0.8 [0.75, 0.85]." in card
    assert "| 0.5 | 0.8 [0.75, 0.85] | n/a |" in card
    assert "| evaluation.metrics.qnc | n/a |" in card
