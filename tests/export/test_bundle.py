"""Writing a bundle whole or not at all, and refusing one that is not what its manifest says."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import pytest

from anabranch.export.bundle import Bundle, BundleError, check_target, read_bundle, write_bundle
from anabranch.export.manifest import BUNDLE_SCHEMA, Manifest, contents_sha256

FILES = {"router.onnx": b"graph", "tokenizer.json": b"{}", "README.md": b"# card"}


@pytest.fixture
def bundle(tmp_path: Path, manifest: Manifest) -> Bundle:
    return write_bundle(tmp_path / "bundle", manifest, FILES)


@pytest.fixture
def edit(bundle: Bundle) -> Callable[..., None]:
    """Changes fields of manifest.json; `seal` makes its own hash right again."""

    def change(*, seal: bool, **fields: Any) -> None:
        path = bundle.folder / "manifest.json"
        contents = orjson.loads(path.read_bytes()) | fields
        if seal:
            contents["manifest_sha256"] = contents_sha256(contents)
        path.write_bytes(orjson.dumps(contents))

    return change


def test_what_was_written_is_read(bundle: Bundle) -> None:
    """`printf '# card' | sha256sum` says what README.md hashes to."""
    read = read_bundle(bundle.folder)
    assert read == bundle
    assert read.id == read.manifest.manifest_sha256[:12]
    assert read.graph.read_bytes() == b"graph"
    assert read.tokenizer_json == "{}"


def test_one_flipped_byte_is_found(bundle: Bundle) -> None:
    for name in FILES:
        path = bundle.folder / name
        before = path.read_bytes()
        path.write_bytes(bytes([before[0] ^ 1]) + before[1:])
        with pytest.raises(BundleError, match=f"{name} was damaged or changed: its sha256 is"):
            read_bundle(bundle.folder)
        path.write_bytes(before)
    assert read_bundle(bundle.folder) == bundle


def test_a_missing_file_is_named(bundle: Bundle) -> None:
    (bundle.folder / "tokenizer.json").unlink()
    with pytest.raises(BundleError, match=r"tokenizer\.json is missing"):
        read_bundle(bundle.folder)


def test_a_file_that_nothing_vouches_for_is_refused(bundle: Bundle) -> None:
    (bundle.folder / "router.onnx.data").write_bytes(b"weights")
    with pytest.raises(BundleError, match=r"router\.onnx\.data is not in the manifest"):
        read_bundle(bundle.folder)


def test_hidden_files_of_other_tools_do_not_matter(bundle: Bundle) -> None:
    (bundle.folder / ".gitattributes").write_text("*.onnx lfs")
    assert read_bundle(bundle.folder) == bundle


def test_an_edited_hash_list_is_found(bundle: Bundle, edit: Callable[..., None]) -> None:
    edit(seal=False, files=bundle.manifest.files | {"router.onnx": "0" * 64})
    with pytest.raises(BundleError, match=r"manifest\.json was changed after it was written"):
        read_bundle(bundle.folder)


def test_a_newer_schema_says_upgrade_before_anything_else(bundle: Bundle, edit: Callable[..., None]) -> None:
    edit(seal=True, schema_version=BUNDLE_SCHEMA + 1, invented_later=True)
    with pytest.raises(BundleError, match=r"has schema 2; this version reads up to 1: upgrade anabranch"):
        read_bundle(bundle.folder)


def test_a_manifest_that_lists_no_graph_is_refused(bundle: Bundle, edit: Callable[..., None]) -> None:
    edit(seal=True, files={"tokenizer.json": bundle.manifest.files["tokenizer.json"]})
    with pytest.raises(BundleError, match=r"lists no router\.onnx"):
        read_bundle(bundle.folder)


@pytest.mark.parametrize("name", ["../other.onnx", "/etc/hostname"])
def test_files_outside_the_folder_are_never_read(bundle: Bundle, edit: Callable[..., None], name: str) -> None:
    edit(seal=True, files=bundle.manifest.files | {name: "0" * 64})
    with pytest.raises(BundleError, match="lies outside the bundle"):
        read_bundle(bundle.folder)


@pytest.mark.parametrize(
    ("contents", "reason"), [(b"", "not JSON"), (b"[]", "holds a list"), (b"{}", "was changed after it was written")]
)
def test_a_manifest_of_another_form_is_refused(bundle: Bundle, contents: bytes, reason: str) -> None:
    (bundle.folder / "manifest.json").write_bytes(contents)
    with pytest.raises(BundleError, match=reason):
        read_bundle(bundle.folder)


def test_a_wrong_field_under_a_right_hash_is_refused(bundle: Bundle, edit: Callable[..., None]) -> None:
    edit(seal=True, precision="int4")
    with pytest.raises(BundleError, match="no manifest that this version reads"):
        read_bundle(bundle.folder)


def test_a_folder_without_manifest_is_no_bundle(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match=r"is no bundle: it has no manifest\.json; `anabranch export` makes one"):
        read_bundle(tmp_path)


def test_a_new_bundle_replaces_the_old_one(bundle: Bundle, manifest: Manifest) -> None:
    newer = write_bundle(bundle.folder, manifest, FILES | {"router.onnx": b"better"})
    assert read_bundle(bundle.folder) == newer
    assert newer.id != bundle.id
    assert [path.name for path in bundle.folder.parent.iterdir()] == ["bundle"]


def test_a_failed_write_leaves_the_old_bundle_and_nothing_else(bundle: Bundle, manifest: Manifest) -> None:
    """The last file cannot be written: its folder is a file."""
    with pytest.raises(FileExistsError):
        write_bundle(bundle.folder, manifest, FILES | {"router.onnx/scorer.onnx": b""})
    assert read_bundle(bundle.folder) == bundle
    assert [path.name for path in bundle.folder.parent.iterdir()] == ["bundle"]


def test_other_contents_are_never_replaced(tmp_path: Path, bundle: Bundle, manifest: Manifest) -> None:
    file, link = tmp_path / "file", tmp_path / "current"
    file.write_text("mine")
    link.symlink_to(bundle.folder)
    mixed = tmp_path / "mixed"
    mixed.mkdir()
    (mixed / "notes.txt").write_text("mine")
    for target, reason in ((file, "is a file"), (link, "is a link to"), (mixed, "no bundle to replace")):
        with pytest.raises(BundleError, match=reason):
            write_bundle(target, manifest, FILES)
    assert file.read_text() == (mixed / "notes.txt").read_text() == "mine"
    assert read_bundle(bundle.folder) == bundle


def test_a_new_or_empty_folder_is_a_fine_target(tmp_path: Path, manifest: Manifest) -> None:
    check_target(tmp_path / "new" / "deep")
    empty = tmp_path / "empty"
    empty.mkdir()
    assert read_bundle(write_bundle(empty, manifest, FILES).folder).manifest.precision == "fp32"


def test_a_copied_folder_is_the_same_bundle(bundle: Bundle, tmp_path: Path) -> None:
    shutil.copytree(bundle.folder, tmp_path / "copy")
    assert read_bundle(tmp_path / "copy").id == bundle.id
