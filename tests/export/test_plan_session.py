"""A cascade's bundle, read back without torch."""

from math import isnan
from pathlib import Path
from typing import Any

import orjson
import pytest

from anabranch.export.bundle import (
    BundleError,
    read_any_bundle,
    read_bundle,
    read_cascade_bundle,
    write_bundle,
    write_cascade_bundle,
)
from anabranch.export.manifest import Manifest, contents_sha256
from anabranch.export.plan_session import open_plan
from anabranch.routers.deferral.scorer import Scorer
from tests.export.cascades import CHANCE, MODELS, STOPS, cascade_bundle, cascade_manifest, cascade_settings
from tests.export.conftest import provenance


def test_what_was_fitted_is_what_is_read(tmp_path: Path) -> None:
    plan = open_plan(cascade_bundle(tmp_path / "birds").folder)
    assert (plan.name, plan.models, plan.stops) == ("birds", MODELS, STOPS)
    assert (plan.signals, plan.tradeoff, plan.answers) == ((CHANCE,), 0.5, "number")
    assert plan.usual_cost_usd[:2] == (1.0, 4.0) and isnan(plan.usual_cost_usd[2])
    assert (plan.router, plan.origin) == (None, provenance().id)


def test_a_bundle_says_which_kind_it_is(tmp_path: Path, manifest: Manifest) -> None:
    cascade = cascade_bundle(tmp_path / "cascade")
    router = write_bundle(tmp_path / "router", manifest, {"router.onnx": b"", "tokenizer.json": b"{}"})
    assert read_any_bundle(cascade.folder) == cascade == read_cascade_bundle(cascade.folder)
    assert read_any_bundle(router.folder) == router
    with pytest.raises(BundleError, match="holds a cascade, which decides by answers: try `anabranch serve"):
        read_bundle(cascade.folder)
    with pytest.raises(BundleError, match="holds a router and no cascade"):
        read_cascade_bundle(router.folder)


def test_files_in_folders_are_hashed_too(tmp_path: Path) -> None:
    files = {"README.md": b"# card", "scorers/one.onnx": b"graph"}
    bundle = write_cascade_bundle(tmp_path / "b", cascade_manifest(cascade_settings()), files)
    assert read_cascade_bundle(bundle.folder) == bundle
    (bundle.folder / "scorers" / "two.onnx").write_bytes(b"")
    with pytest.raises(BundleError, match=r"scorers/two\.onnx is not in the manifest"):
        open_plan(bundle.folder)
    (bundle.folder / "scorers" / "two.onnx").unlink()
    (bundle.folder / "scorers" / "one.onnx").write_bytes(b"grapf")
    with pytest.raises(BundleError, match=r"scorers/one\.onnx was damaged or changed"):
        open_plan(bundle.folder)


def edited(folder: Path, change: dict[str, Any]) -> Path:
    """A bundle whose cascade was changed by who could make the hash right again."""
    path = cascade_bundle(folder).folder / "manifest.json"
    contents = orjson.loads(path.read_bytes())
    contents["cascade"] |= change
    contents["manifest_sha256"] = contents_sha256(contents)
    path.write_bytes(orjson.dumps(contents))
    return folder


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"signals": [{"kind": "os:system", "command": "true"}]}, "no cascade that this version can run: unknown part"),
        (
            {"signals": [{"kind": "scorer", "name": "s", "file": "s"}]},
            r"lists no scorers/s\.onnx, which a",
        ),
        ({"has_router": True}, "is no bundle: it has no manifest.json"),
        ({"models": []}, "no manifest that this version reads"),
    ],
)
def test_a_cascade_of_missing_or_unknown_parts_is_refused(tmp_path: Path, change: dict[str, Any], reason: str) -> None:
    with pytest.raises(BundleError, match=reason):
        open_plan(edited(tmp_path / "b", change))


def test_a_scorer_outside_the_bundle_is_never_run(tmp_path: Path) -> None:
    settings = cascade_settings(signals=(Scorer("scorer", "../../other"), CHANCE))
    with pytest.raises(BundleError, match=r"lists no scorers/\.\./\.\./other\.onnx"):
        open_plan(cascade_bundle(tmp_path / "b", settings).folder)
