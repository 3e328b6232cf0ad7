"""The manifest and its own hash."""

import orjson
import pytest
from pydantic import ValidationError

from anabranch.export.manifest import Manifest, contents_sha256


def test_sealed_manifest_names_the_hash_of_its_own_contents(manifest: Manifest) -> None:
    sealed = manifest.sealed()
    assert sealed.manifest_sha256 == contents_sha256(orjson.loads(sealed.to_json()))
    assert sealed.sealed() == sealed


@pytest.mark.parametrize("change", [{"precision": "int8"}, {"files": {"a": "b"}}, {"metrics": {"aiq": 1.0}}])
def test_every_change_of_contents_changes_the_hash(manifest: Manifest, change: dict[str, object]) -> None:
    assert manifest.model_copy(update=change).sealed().manifest_sha256 != manifest.sealed().manifest_sha256


def test_json_round_trip_keeps_everything(manifest: Manifest) -> None:
    sealed = manifest.sealed()
    assert Manifest.model_validate(orjson.loads(sealed.to_json())) == sealed


def test_unknown_numbers_in_metrics_do_not_break_the_hash(manifest: Manifest) -> None:
    """JSON has no NaN: it is written and hashed as null."""
    sealed = manifest.model_copy(update={"metrics": {"aiq": float("nan")}}).sealed()
    contents = orjson.loads(sealed.to_json())
    assert contents["metrics"] == {"aiq": None}
    assert contents_sha256(contents) == sealed.manifest_sha256


def test_unknown_fields_are_refused(manifest: Manifest) -> None:
    with pytest.raises(ValidationError, match="pickle"):
        Manifest.model_validate({**manifest.model_dump(), "pickle": "no"})
