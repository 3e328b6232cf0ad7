from dataclasses import replace
from pathlib import Path

import numpy as np
import orjson
import pytest

from anabranch.data.outcomes import Outcomes
from anabranch.routers.costing import Costing
from anabranch.routers.estimates import Estimates
from anabranch.routers.policies.argmax_utility import ArgmaxUtility
from anabranch.routers.router import Router
from anabranch.training.evaluate import evaluate
from anabranch.training.report.contents import Report
from anabranch.training.report.write import write_report

NAMES = {"report.json", "report.png", "report.html"}


def plain_router(table: Outcomes) -> Router:
    """A router that is a plain function: what it estimates is what an arm is worth on average."""
    means = np.nanmean(table.quality, axis=0)

    def estimate(texts: object, tradeoff: object) -> Estimates[np.ndarray]:
        rows = np.ones((len(table), 1), np.float32)
        return Estimates(rows * means, rows * np.nanmean(table.cost_usd, axis=0), np.zeros_like(table.quality))

    return Router("plain", table.arms, estimate, Costing("cost_usd"), ArgmaxUtility(0.01), 0.5, "calibrated")


def test_what_evaluate_finds_can_be_written(tmp_path: Path) -> None:
    """Three arms on 120 random prompts, a tenth of the cells unknown, prompts with markup."""
    rng = np.random.default_rng(0)
    quality = np.where(rng.random((120, 3)) < 0.1, np.nan, rng.random((120, 3)))
    cost = rng.random((120, 3)) * [0.001, 0.01, 0.1]
    texts = [f"<b>{i}</b> & $x^{i}$" for i in range(120)]
    table = Outcomes.from_arrays(["a", "b", "c"], quality, cost_usd=cost, texts=texts)
    report = evaluate([plain_router(table)], table, table, labels="random", replicates=20)

    write_report(report, tmp_path / "deep" / "report")

    assert {path.name for path in (tmp_path / "deep" / "report").iterdir()} == NAMES
    assert (tmp_path / "deep" / "report" / "report.png").read_bytes().startswith(b"\x89PNG")
    page = (tmp_path / "deep" / "report" / "report.html").read_text(encoding="utf-8")
    assert "&lt;b&gt;" in page and "<b>" not in page.split("<script")[0]


def test_a_report_replaces_the_one_before(priced: Report, unpriced: Report, tmp_path: Path) -> None:
    write_report(priced, tmp_path)
    write_report(unpriced, tmp_path)
    assert orjson.loads((tmp_path / "report.json").read_bytes())["cost_unit"] == "none"
    assert {path.name for path in tmp_path.iterdir()} == NAMES


def test_a_report_that_cannot_be_written_leaves_the_one_before(priced: Report, tmp_path: Path) -> None:
    """A lone surrogate is no character: it has no UTF-8."""
    write_report(priced, tmp_path)
    before = {name: (tmp_path / name).read_bytes() for name in NAMES}
    with pytest.raises(TypeError, match="surrogates"):
        write_report(replace(priced, labels="\ud800"), tmp_path)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before
