from hashlib import sha256
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from anabranch.serving.fusion.during.union_cache import cached_union
from anabranch.serving.fusion.during.union_map import UnionMap
from anabranch.upstreams.local.token_bytes import TokenBytes

ONE = TokenBytes((b"a", b"", b"ab\xff", None, b"a"), frozenset({3}))
OTHER = TokenBytes((None, b"ab", b"b\n"), frozenset({0}))


def assert_same(found: UnionMap, expected: UnionMap) -> None:
    assert found.texts == expected.texts
    for name in ("columns", "first_ids", "exact"):
        pairs = zip(getattr(found, name), getattr(expected, name), strict=True)
        assert all(torch.equal(one, other) and one.dtype == other.dtype for one, other in pairs)


@pytest.mark.parametrize("models", [[ONE, OTHER], [ONE], [TokenBytes((None,), frozenset())], []])
def test_what_is_read_is_what_was_made(tmp_path: Path, models: list[TokenBytes]) -> None:
    """The second time from the file, which is not written again."""
    assert_same(cached_union(models, tmp_path), UnionMap.of(models))
    (path,) = tmp_path.iterdir()
    written = path.stat()
    assert_same(cached_union(models, tmp_path), UnionMap.of(models))
    assert (path.stat().st_ino, path.stat().st_mtime_ns) == (written.st_ino, written.st_mtime_ns)


def test_what_is_read_comes_from_the_file(tmp_path: Path) -> None:
    """The file of b under the name of a, its digest made for that name: b is what comes."""
    cached_union([ONE], tmp_path / "one")
    cached_union([OTHER], tmp_path / "other")
    (one,), (other,) = (tmp_path / "one").iterdir(), (tmp_path / "other").iterdir()
    body = other.read_bytes()[32:]
    one.write_bytes(sha256(one.name.encode() + body).digest() + body)
    assert_same(cached_union([ONE], tmp_path / "one"), UnionMap.of([OTHER]))


def test_each_ensemble_has_its_own_file(tmp_path: Path) -> None:
    """Order counts, and so do ends."""
    for models in ([ONE, OTHER], [OTHER, ONE], [ONE], [TokenBytes(ONE.written, frozenset())]):
        assert_same(cached_union(models, tmp_path), UnionMap.of(models))
    assert len([*tmp_path.iterdir()]) == 4


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("kept")
    cached_union([ONE, OTHER], folder)
    (path,) = folder.iterdir()
    return path


@given(st.integers(0, 10**6), st.integers(0, 7), st.booleans())
def test_a_damaged_file_is_made_anew(kept: Path, place: int, bit: int, cut: bool) -> None:
    whole = kept.read_bytes()
    place %= len(whole)
    kept.write_bytes(whole[:place] if cut else whole[:place] + bytes([whole[place] ^ 1 << bit]) + whole[place + 1 :])
    assert_same(cached_union([ONE, OTHER], kept.parent), UnionMap.of([ONE, OTHER]))
    assert kept.read_bytes() == whole


def test_the_file_of_another_ensemble_is_not_taken(tmp_path: Path, kept: Path) -> None:
    cached_union([OTHER, ONE], tmp_path)
    (path,) = tmp_path.iterdir()
    path.write_bytes(kept.read_bytes())
    assert_same(cached_union([OTHER, ONE], tmp_path), UnionMap.of([OTHER, ONE]))


def test_where_nothing_can_be_kept_nothing_is(tmp_path: Path) -> None:
    """The folder is a file."""
    folder = tmp_path / "folder"
    folder.write_bytes(b"")
    assert_same(cached_union([ONE], folder), UnionMap.of([ONE]))


@pytest.mark.parametrize(
    ("environment", "below"),
    [({"ANABRANCH_CACHE": "mine"}, "mine"), ({"XDG_CACHE_HOME": "x"}, "x/anabranch"), ({}, "home/.cache/anabranch")],
)
def test_files_lie_below_the_cache_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], below: str
) -> None:
    monkeypatch.delenv("ANABRANCH_CACHE")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    for name, value in environment.items():
        monkeypatch.setenv(name, str(tmp_path / value))
    cached_union([ONE])
    assert [path.suffix for path in (tmp_path / below / "unions").iterdir()] == [".union"]
