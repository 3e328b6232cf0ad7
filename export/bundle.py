"""The bundle: one folder that holds a router or a cascade, written whole or not at all, and checked before it is read.

manifest.json    what it is made of, and the hash of every other file
README.md        the model card

of a router
router.onnx      ids to estimates
tokenizer.json   text to ids

of a cascade
scorers/         networks that signals of answers come from, if any
router/          the bundle of the router whose estimates are read before any call, if any
"""

import hashlib
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, TypeVar
from uuid import uuid4

import orjson
from pydantic import ValidationError

from anabranch.export.manifest import BUNDLE_SCHEMA, CascadeManifest, Manifest, Sealed, contents_sha256

MANIFEST = "manifest.json"
GRAPH = "router.onnx"
TOKENIZER = "tokenizer.json"
CARD = "README.md"
SCORERS, ROUTER = "scorers", "router"


class BundleError(ValueError):
    """A folder is no bundle, or a bundle is not what its manifest says."""


@dataclass(frozen=True)
class Bundle:
    """A router in a folder whose files are what its manifest says.

    Args:
        folder: where it lies.
        manifest: what it is made of.
    """

    folder: Path
    manifest: Manifest

    @property
    def id(self) -> str:
        """Names the bundle in every decision."""
        return _id_of(self.manifest)

    @property
    def graph(self) -> Path:
        """The path of router.onnx."""
        return self.folder / GRAPH

    @property
    def tokenizer_json(self) -> str:
        """The text of tokenizer.json."""
        return (self.folder / TOKENIZER).read_text(encoding="utf-8")


@dataclass(frozen=True)
class CascadeBundle:
    """A cascade in a folder whose files are what its manifest says.

    Args:
        folder: where it lies.
        manifest: what it is made of.
    """

    folder: Path
    manifest: CascadeManifest

    @property
    def id(self) -> str:
        """Names the bundle in every answer."""
        return _id_of(self.manifest)


Contents = TypeVar("Contents", bound=Sealed)


def check_target(folder: Path) -> None:
    """Refuse to write a bundle where something else lies.

    Raises:
        BundleError: `folder` is a link, a file, or a folder with other contents.
    """
    if folder.is_symlink():
        raise BundleError(f"{folder} is a link to {folder.readlink()}; name the folder itself, or another one")
    if folder.is_file():
        raise BundleError(f"{folder} is a file; a bundle is a folder: name another one")
    if folder.is_dir() and any(folder.iterdir()) and not (folder / MANIFEST).is_file():
        raise BundleError(f"{folder} holds files but no {MANIFEST}, so it is no bundle to replace; name another folder")


def write_bundle(folder: Path, manifest: Manifest, files: Mapping[str, bytes]) -> Bundle:
    """Write the bundle of a router beside its place, then move it there; a bundle that was there is replaced.

    Args:
        folder: where it will lie; missing parents are made.
        manifest: its hashes are filled in here.
        files: contents by name, all but the manifest.

    Raises:
        BundleError: see `check_target`.
    """
    return Bundle(folder, _written(folder, manifest, files))


def write_cascade_bundle(folder: Path, manifest: CascadeManifest, files: Mapping[str, bytes]) -> CascadeBundle:
    """The same of a cascade; see `write_bundle`."""
    return CascadeBundle(folder, _written(folder, manifest, files))


def read_any_bundle(folder: Path) -> Bundle | CascadeBundle:
    """The bundle in a folder, every file checked against its hash.

    Raises:
        BundleError: it has no manifest, a newer schema, or a file that is missing, changed or not listed.
    """
    contents = _read_contents(folder)
    if "cascade" in contents:
        return CascadeBundle(folder, _checked(folder, _validated(folder, contents, CascadeManifest), set()))
    return Bundle(folder, _checked(folder, _validated(folder, contents, Manifest), {GRAPH, TOKENIZER}))


def read_bundle(folder: Path) -> Bundle:
    """The bundle of a router in a folder; see `read_any_bundle`.

    Raises:
        BundleError: it is broken, or holds a cascade.
    """
    bundle = read_any_bundle(folder)
    if isinstance(bundle, CascadeBundle):
        raise BundleError(f"{folder} holds a cascade, which decides by answers: try `anabranch serve {folder}`")
    return bundle


def read_cascade_bundle(folder: Path) -> CascadeBundle:
    """The bundle of a cascade in a folder; see `read_any_bundle`.

    Raises:
        BundleError: it is broken, or holds a router.
    """
    bundle = read_any_bundle(folder)
    if isinstance(bundle, Bundle):
        raise BundleError(f"{folder} holds a router and no cascade: `anabranch export` of a cascade's RUN makes one")
    return bundle


def _id_of(manifest: Sealed) -> str:
    """The first 12 digits of the manifest's hash."""
    return manifest.manifest_sha256[:12]


def _written(folder: Path, manifest: Contents, files: Mapping[str, bytes]) -> Contents:
    check_target(folder)
    hashes = {name: hashlib.sha256(contents).hexdigest() for name, contents in files.items()}
    sealed = manifest.model_copy(update={"files": hashes}).sealed()
    folder.parent.mkdir(parents=True, exist_ok=True)
    unfinished = folder.parent / f".{folder.name}.{uuid4().hex}"
    unfinished.mkdir()
    try:
        for name, contents in {**files, MANIFEST: sealed.to_json()}.items():
            (unfinished / name).parent.mkdir(parents=True, exist_ok=True)
            (unfinished / name).write_bytes(contents)
        _replace(folder, unfinished)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
    return sealed


def _checked(folder: Path, manifest: Contents, needed: set[str]) -> Contents:
    listed = set(manifest.files)
    for name in sorted(needed - listed):
        raise BundleError(f"{folder / MANIFEST} lists no {name}, which every bundle has: export it again")
    for name, sha256 in manifest.files.items():
        _check_file(folder, name, sha256)
    for name in sorted(_names(folder) - listed - {MANIFEST}):
        raise BundleError(f"{folder / name} is not in the manifest, so nothing vouches for it: remove the file")
    return manifest


def _replace(folder: Path, finished: Path) -> None:
    if not folder.exists():
        finished.rename(folder)
        return
    previous = finished.with_name(f"{finished.name}.previous")
    folder.rename(previous)
    try:
        finished.rename(folder)
    except OSError:
        previous.rename(folder)
        raise
    shutil.rmtree(previous)


def _read_contents(folder: Path) -> dict[str, Any]:
    path = folder / MANIFEST
    contents = _read_json(path)
    version = contents.get("schema_version")
    if isinstance(version, int) and version > BUNDLE_SCHEMA:
        raise BundleError(f"{path} has schema {version}; this version reads up to {BUNDLE_SCHEMA}: upgrade anabranch")
    found = contents_sha256(contents)
    if found != contents.get("manifest_sha256"):
        raise BundleError(
            f"{path} was changed after it was written: its contents hash to {found[:12]}, "
            f"it says {str(contents.get('manifest_sha256'))[:12]}; export it again"
        )
    return contents


def _validated(folder: Path, contents: dict[str, Any], kind: type[Contents]) -> Contents:
    try:
        return kind.model_validate(contents)
    except ValidationError as error:
        raise BundleError(f"{folder / MANIFEST} is no manifest that this version reads: {error}") from error


def _read_json(path: Path) -> dict[str, Any]:
    if not path.is_file():
        raise BundleError(f"{path.parent} is no bundle: it has no {path.name}; `anabranch export` makes one")
    try:
        contents = orjson.loads(path.read_bytes())
    except orjson.JSONDecodeError as error:
        raise BundleError(f"{path} is not JSON ({error}): export it again") from error
    if not isinstance(contents, dict):
        raise BundleError(f"{path} holds a {type(contents).__name__}; a manifest is an object: export it again")
    return contents


def _check_file(folder: Path, name: str, sha256: str) -> None:
    inside = PurePosixPath(name)
    if inside.is_absolute() or ".." in inside.parts:
        raise BundleError(f"{folder / MANIFEST} lists {name!r}, which lies outside the bundle: do not use it")
    path = folder / name
    if not path.is_file():
        raise BundleError(f"{path} is missing, though the manifest lists it: copy the whole folder, or export it again")
    with path.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != sha256:
        raise BundleError(
            f"{path} was damaged or changed: its sha256 is {found[:12]}, the manifest says {sha256[:12]}; "
            "copy it again, or export it again"
        )


def _names(folder: Path) -> set[str]:
    """The files in a folder; those whose name starts with a dot belong to other tools."""
    inside = (path.relative_to(folder) for path in folder.rglob("*") if path.is_file())
    return {path.as_posix() for path in inside if not any(part.startswith(".") for part in path.parts)}
