"""The summary of a bundle."""

import json
from typing import Any

import pytest

from anabranch.export.bundle import BundleError, read_bundle
from anabranch.export.inspect import inspect_bundle


def test_the_summary_is_plain_json(knn: Any) -> None:
    summary = inspect_bundle(knn.bundle)
    assert json.loads(json.dumps(summary)) == summary
    assert summary["id"] == read_bundle(knn.bundle).id
    assert (summary["recipe"], summary["precision"], summary["hashes"]) == ("knn", "fp32", "ok")
    assert summary["arms"] == ["large", "medium", "small"]
    assert (summary["policy"]["tradeoff"], summary["calibration"]) == (0.75, "none")
    assert (summary["usage"], summary["reprice"]) == ("cost_usd", False)
    assert summary["contains_user_prompts"] is True


def test_the_summary_has_the_size_of_every_file(knn: Any) -> None:
    sizes = inspect_bundle(knn.bundle)["bytes"]
    assert sizes == {path.name: path.stat().st_size for path in knn.bundle.iterdir() if path.name != "manifest.json"}
    assert set(sizes) == {"README.md", "router.onnx", "tokenizer.json"}


def test_a_folder_that_is_no_bundle_is_refused(knn: Any) -> None:
    with pytest.raises(BundleError, match="is no bundle"):
        inspect_bundle(knn.world.run)
