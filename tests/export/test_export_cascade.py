"""A cascade's RUN to a bundle, end to end; networks that read answers are in `test_scorer.py`."""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from anabranch.export.bundle import BundleError, read_cascade_bundle
from anabranch.export.cascade_card import cascade_card
from anabranch.export.export_cascade import export_cascade
from anabranch.export.inspect import inspect_bundle
from anabranch.export.plan_session import open_plan
from anabranch.routers.cascade_run import CascadeRun, load_cascade_run
from anabranch.routers.deferral.semantic_agreement import SemanticAgreement
from anabranch.routers.deferral.settings import CertificateSettings
from anabranch.routers.run import Run
from tests.export.cascades import MODELS, cascade_manifest, cascade_settings
from tests.export.conftest import ARMS, provenance

HEAVY = ("torch", "transformers", "onnx", "pyarrow", "pandas", "lightning", "pytorch_lightning", "sklearn", "scipy")


def cascade_run(folder: Path, router: Run | None = None) -> Path:
    """The birds, or the arms of a router."""
    settings = cascade_settings(models=MODELS if router is None else ARMS, has_router=router is not None)
    CascadeRun(settings, provenance(), {}, router).save(folder)
    (folder / "metrics.json").write_text(json.dumps({"quality": 0.625}))
    return folder


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Without a router."""
    folder = tmp_path_factory.mktemp("cascade")
    return export_cascade(cascade_run(folder / "run"), folder / "birds")


@pytest.fixture(scope="module")
def estimating(tmp_path_factory: pytest.TempPathFactory, ridge: Any) -> Path:
    """A bundle that reads the estimates of a ridge regression; its RUN lies beside it."""
    folder = tmp_path_factory.mktemp("cascade")
    return export_cascade(cascade_run(folder / "run", ridge.world.router), folder / "birds")


def test_the_bundle_holds_what_the_run_holds(bundle: Path) -> None:
    trained, served = load_cascade_run(bundle.parent / "run").plan("birds"), open_plan(bundle)
    assert (served.name, served.models, served.stops) == (trained.name, trained.models, trained.stops)
    assert (served.signals, served.tradeoff, served.answers) == (trained.signals, trained.tradeoff, trained.answers)
    assert served.origin == trained.origin
    assert {path.name for path in bundle.iterdir()} == {"README.md", "manifest.json"}


def test_the_bundle_estimates_as_the_router_of_the_run(estimating: Path, ridge: Any) -> None:
    trained, served = ridge.world.router.router("torch"), open_plan(estimating).router
    assert served is not None
    texts = [*ridge.world.texts, "unseen"]
    expected, found = (one.estimates(texts, one.tradeoff)[0].quality for one in (trained, served))
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-4)
    assert set(read_cascade_bundle(estimating).manifest.files) == {
        "README.md",
        *(f"router/{name}" for name in ("README.md", "manifest.json", "router.onnx", "tokenizer.json")),
    }


def test_the_manifest_says_where_the_cascade_comes_from(bundle: Path) -> None:
    manifest = read_cascade_bundle(bundle).manifest
    assert manifest.cascade == cascade_settings()
    assert manifest.provenance == provenance()
    assert manifest.metrics == {"training": {"quality": 0.625}}
    assert not manifest.contains_user_prompts


def test_exporting_again_replaces_the_bundle_with_an_equal_one(bundle: Path, tmp_path: Path) -> None:
    run, out = bundle.parent / "run", tmp_path / "birds"
    first = read_cascade_bundle(export_cascade(run, out)).id
    (out / "README.md").write_bytes(b"damaged")
    assert read_cascade_bundle(export_cascade(run, out)).id == first
    assert [path.name for path in tmp_path.iterdir()] == ["birds"]


def test_an_index_of_prompts_inside_the_router_is_said_or_forbidden(
    tmp_path: Path, knn: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The router's bundle is the one that was made of the same RUN before."""
    run = cascade_run(tmp_path / "run", knn.world.router)
    with pytest.raises(ValueError, match="which --no-index forbids"):
        export_cascade(run, tmp_path / "b", no_index=True)
    assert not (tmp_path / "b").exists()
    monkeypatch.setattr(
        "anabranch.export.export_cascade.export_run", lambda run, out, **options: shutil.copytree(knn.bundle, out)
    )
    manifest = read_cascade_bundle(export_cascade(run, tmp_path / "b")).manifest
    assert manifest.contains_user_prompts and "24 training prompts" in manifest.user_prompts
    assert "Inside is an index" in (tmp_path / "b" / "README.md").read_text()


def test_what_cannot_be_exported_is_refused(bundle: Path, tmp_path: Path) -> None:
    run = bundle.parent / "run"
    with pytest.raises(ValueError, match="fitted to fp32 scores and estimates, which int8 moves: export fp32"):
        export_cascade(run, tmp_path / "b", encoder="int8")
    with pytest.raises(ValueError, match="is no RUN folder of a cascade"):
        export_cascade(tmp_path, tmp_path / "b")
    (tmp_path / "thesis.tex").write_text("mine")
    with pytest.raises(BundleError, match="no bundle to replace"):
        export_cascade(run, tmp_path)


def test_the_card_shows_the_knob(bundle: Path) -> None:
    """Three stops: 0, 1/2 and 1."""
    card = (bundle / "README.md").read_text()
    assert card.startswith("# birds\n")
    for fact in (
        "anabranch serve birds --pool POOL.yaml --tradeoff 0.5",
        "| cascade | birds (depth = 3) |",
        "calibrated to: budget=6.00 USD",
        "| worked out of answers | chance (chance) |",
        "| answers are compared | as number |",
        "| jay | 4 |",
        "| owl | n/a |",
        "| 0 | threshold-chain | 0.5 | 1 |",
        "| 0.5 | threshold-chain | 0.75 | 6 |",
        "| 1 | threshold-chain | 0.875 | 16 |",
        "| training.quality | 0.625 |",
        "No user prompt is inside",
    ):
        assert fact in card


def test_what_was_certified_is_said_with_the_bundle(tmp_path: Path) -> None:
    """The second of three stops is certified; the RUN, the card and the summary say so, and where it holds."""
    proof = CertificateSettings(
        against="owl", most_lost=0.02, delta=0.05, prompts=200, date="2026-11-27", p_value=0.018
    )
    made = cascade_settings()
    stops = tuple(
        stop.model_copy(update={"certificate": proof if place == 1 else None}) for place, stop in enumerate(made.stops)
    )
    said = {0.5: f"At trade-off 0.5: {proof.sentence}"}
    said[1.0] = f"Nothing is promised at trade-off 1. {said[0.5]}"
    for tradeoff, promise in said.items():
        run, out = tmp_path / f"run{tradeoff}", tmp_path / f"birds{tradeoff}"
        settings = made.model_copy(update={"stops": stops, "tradeoff": tradeoff})
        CascadeRun(settings, provenance(), {}).save(run)
        assert load_cascade_run(run).settings == settings
        summary = inspect_bundle(export_cascade(run, out))
        assert summary["promise"] == promise and promise in (out / "README.md").read_text()
        assert [stop["certificate"] for stop in summary["stops"]] == [None, proof.model_dump(), None]


def test_a_run_from_before_certificates_is_read(tmp_path: Path) -> None:
    """And promises nothing."""
    path = cascade_run(tmp_path / "run") / "cascade.json"
    written = json.loads(path.read_text())
    for stop in written["cascade"]["stops"]:
        del stop["certificate"]
    path.write_text(json.dumps(written))
    out = export_cascade(tmp_path / "run", tmp_path / "birds")
    assert inspect_bundle(out)["promise"] is None and "promised" not in (out / "README.md").read_text()


def test_the_card_of_a_single_policy_without_signals() -> None:
    settings = cascade_settings(SemanticAgreement((0, 1, 2)), signals=(), answers=None)
    card = cascade_card("b", cascade_manifest(settings))
    assert "| worked out of answers | nothing |" in card and "| answers are compared | never |" in card
    assert "| 1 | semantic-agreement | 0.5 | 1 |" in card


def test_the_summary_is_plain_json(estimating: Path) -> None:
    summary = inspect_bundle(estimating)
    assert json.loads(json.dumps(summary)) == summary
    assert (summary["recipe"], summary["models"], summary["tradeoff"]) == ("birds", list(ARMS), 0.5)
    assert [stop["cost_usd"] for stop in summary["stops"]] == [1.0, 6.0, 16.0]
    assert summary["has_router"] is True and "router/router.onnx" in summary["bytes"]
    assert (summary["hashes"], summary["id"]) == ("ok", read_cascade_bundle(estimating).id)


SERVED = """
import asyncio, sys
from pathlib import Path
from anabranch.serving.chat import Chat
from anabranch.serving.gateway import gateway_of
from anabranch.serving.offer import prepare
from anabranch.serving.settings import ServeSettings
from anabranch.serving.strategies.calls import Calls
from anabranch.serving.strategies.record import Record, Waiting
from anabranch.upstreams.fake import Fake
from anabranch.upstreams.pool import Pool, Served
from anabranch.upstreams.upstream import Request

folder, names, heavy = sys.argv[1], sys.argv[2].split(), sys.argv[3].split()
models = [{"name": name, "upstream": "here"} for name in names]
pool = Pool.model_validate({"upstreams": {"here": {"kind": "fake"}}, "models": models})
offer = prepare(ServeSettings(bundle=Path(folder), pool=pool))
served = {name: Served(pool.model(name), Fake(lambda request: "4")) for name in names}
gateway = gateway_of(offer, served, None)
request = Request("auto", ({"role": "user", "content": "what is 2 + 2?"},))
calls = Calls(request, Chat(), served, gateway.price, Record("cascade"), Waiting())
print(asyncio.run(gateway.strategy("auto").complete(calls)).text, calls.record.model, calls.record.reason)
print(sorted(set(heavy) & set(sys.modules)))
"""


def test_serving_a_cascade_imports_nothing_that_trains(estimating: Path) -> None:
    """In a fresh process: read, check, decide, answer. A fake is always sure: log-probabilities of 0."""
    command = [sys.executable, "-c", SERVED, str(estimating), " ".join(ARMS), " ".join(HEAVY)]
    ran = subprocess.run(command, capture_output=True, text=True, check=True)
    assert ran.stdout.splitlines() == [f"4 {ARMS[0]} sure", "[]"]
