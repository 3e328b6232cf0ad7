"""The manifest of a bundle: what it is made of, and the hash of every file in it."""

from collections.abc import Mapping
from hashlib import sha256
from typing import Any, Self

import orjson
from pydantic import BaseModel, ConfigDict, Field

from anabranch.export.signature import Precision
from anabranch.routers.deferral.settings import CascadeSettings
from anabranch.routers.settings import Provenance, RouterSettings

BUNDLE_SCHEMA = 1


class Sealed(BaseModel):
    """What every manifest.json says; `sealed` adds the hash over all the rest."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    schema_version: int = BUNDLE_SCHEMA
    provenance: Provenance
    metrics: dict[str, Any] = Field(description="what was measured; may be empty")
    contains_user_prompts: bool
    user_prompts: str = Field(description="what of the training prompts is inside, in words")
    onnxruntime_min: str = Field(description="the oldest onnxruntime that reads the graphs")
    files: dict[str, str] = Field(default={}, description="sha256 of every other file, by its path in the folder")
    manifest_sha256: str = ""

    def sealed(self) -> Self:
        """The same manifest with its own hash."""
        return self.model_copy(update={"manifest_sha256": contents_sha256(self.model_dump(mode="json"))})

    def to_json(self) -> bytes:
        """The text of manifest.json."""
        return orjson.dumps(self.model_dump(mode="json"), option=orjson.OPT_INDENT_2)


class Manifest(Sealed):
    """The contents of a router's manifest.json."""

    router: RouterSettings
    precision: Precision
    tokens: dict[str, int | float | str] = Field(description="settings of the tokens, as `Tokens.to_json` gives them")


class CascadeManifest(Sealed):
    """The contents of a cascade's manifest.json."""

    cascade: CascadeSettings


def contents_sha256(contents: Mapping[str, Any]) -> str:
    """The sha256 of a manifest's JSON, keys sorted, without its own hash.

    It reads plain JSON rather than a `Manifest`, so that a later version with more fields agrees on old bundles.

    >>> contents_sha256({"b": 1, "a": 2, "manifest_sha256": "x"}) == contents_sha256({"a": 2, "b": 1})
    True
    """
    hashed = {name: value for name, value in contents.items() if name != "manifest_sha256"}
    return sha256(orjson.dumps(hashed, option=orjson.OPT_SORT_KEYS)).hexdigest()
