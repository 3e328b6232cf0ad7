"""What stands for the tokens that a vocabulary lacks."""

import sys
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from anabranch.serving.fusion.during import nearest as searched
from anabranch.serving.fusion.during.nearest import nearest, stand_ins, symbols_of
from anabranch.serving.fusion.during.reference_columns import LOWEST, columns
from anabranch.serving.fusion.during.union_map import UnionMap
from anabranch.upstreams.local.token_bytes import TokenBytes
from tests.serving.fusion.during.test_union_map import vocabularies

TEXTS = st.lists(st.sampled_from(b"abc\xff\x00"), min_size=1, max_size=5).map(bytes)


def edit_distance(one: bytes, other: bytes) -> int:
    """Row by row of the plain table."""
    row = list(range(len(other) + 1))
    for at, mine in enumerate(one, 1):
        above, row = row, [at]
        for place, yours in enumerate(other, 1):
            row.append(min(above[place] + 1, row[-1] + 1, above[place - 1] + (mine != yours)))
    return row[-1]


def same_beginning(one: bytes, other: bytes) -> int:
    return next((at for at in range(min(len(one), len(other))) if one[at] != other[at]), min(len(one), len(other)))


def plainly(wanted: bytes, offered: list[bytes]) -> int:
    return min(
        range(len(offered)),
        key=lambda at: (edit_distance(wanted, offered[at]), -same_beginning(wanted, offered[at]), at),
    )


@settings(max_examples=50)
@given(st.lists(TEXTS, min_size=1, max_size=6), st.lists(TEXTS, min_size=1, max_size=9))
def test_it_is_the_nearest_then_begins_alike_then_is_the_first(wanted: list[bytes], offered: list[bytes]) -> None:
    nowhere = Path("/dev/null/nothing")
    assert nearest(wanted, offered, nowhere) == [plainly(text, offered) for text in wanted]


def test_long_texts_have_distances_beyond_a_byte(tmp_path: Path) -> None:
    """300 and 40 edits, which are both 44 and 40 in a byte; and 256 and 300, which are 0 and 44."""
    assert nearest([b"a" * 300], [b"b" * 300, b"a" * 260], tmp_path) == [1]
    assert nearest([b"a" * 300], [b"a" * 44, b"a" * 290], tmp_path) == [1]


def test_it_is_searched_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = nearest([b"color"], [b"dog", b"colour"], tmp_path)
    monkeypatch.setattr(searched, "_distances", None)
    assert nearest([b"color"], [b"dog", b"colour"], tmp_path) == found == [1]
    with pytest.raises(TypeError):  # of others it is not known
        nearest([b"colo"], [b"dog", b"colour"], tmp_path)


def test_blocks_and_progress(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.setattr(searched, "_BLOCK", 4)
    monkeypatch.setattr(searched, "LARGE", 5)
    with caplog.at_level("INFO"):
        assert nearest([b"a", b"b", b"cc"], [b"b", b"c", b"a"], tmp_path) == [2, 0, 1]
    assert caplog.messages == [f"nearest tokens: {done} of 3 found" for done in range(3)]


def test_without_the_library_it_is_said_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "rapidfuzz.distance", None)
    with pytest.raises(ValueError, match="pip install 'anabranch\\[train\\]', or set missing to 'prefix'"):
        nearest([b"a"], [b"b"], tmp_path)


@settings(max_examples=50)
@given(vocabularies(), vocabularies(), st.sampled_from(["nearest", "prefix"]))
def test_each_symbol_of_one_model_has_one_of_the_other(one: TokenBytes, other: TokenBytes, missing: str) -> None:
    """By bytes, each id of a symbol tried in its turn; only an end stands for the end."""
    union = UnionMap.of([one, other])
    symbols, found = symbols_of(union, 0).tolist(), stand_ins(union, 0, 1, missing).tolist()
    texts = [text for token, text in enumerate(other.written) if text is not None and token not in other.ends]
    assert symbols == sorted(set(union.columns[0].tolist()) - {len(union)})
    for symbol, stand_in in zip(symbols, found, strict=True):
        text = union.texts[symbol]
        begun = [each for each in texts if text.startswith(each)]
        if symbol == union.end:
            has_end = any(end < len(other) for end in other.ends)
            assert stand_in == (union.end if has_end else len(union))
        elif missing == "prefix":
            assert union.texts[stand_in] == max(begun, key=len) if begun else stand_in == len(union)
        elif texts:
            assert union.texts[stand_in] == texts[plainly(text, texts)]
        else:
            assert stand_in == len(union)


def test_a_model_stands_for_itself() -> None:
    union = UnionMap.of([TokenBytes((b"a", b"a", b"b", None), frozenset({3}))] * 2)
    assert stand_ins(union, 0, 1, "nearest").tolist() == symbols_of(union, 0).tolist() == [0, 1, 2]


@settings(max_examples=50)
@given(vocabularies(), vocabularies(), st.sampled_from(["nearest", "prefix"]))
def test_ids_of_what_stands_for_a_symbol_are_summed(one: TokenBytes, other: TokenBytes, missing: str) -> None:
    union = UnionMap.of([one, other])
    said = torch.arange(1.0, 1.0 + len(other))[None].log()
    column = columns(union, 0, 1, missing)
    assert torch.equal(column.symbol, stand_ins(union, 0, 1, missing))
    stands = [[token for token, each in enumerate(union.columns[1]) if each == symbol] for symbol in column.symbol]
    expected = [
        float(said[0, ids].exp().sum().log()) if ids and symbol < len(union) else LOWEST
        for ids, symbol in zip(stands, column.symbol, strict=True)
    ]
    assert column.logs(said)[0].tolist() == pytest.approx(expected, abs=1e-5)
