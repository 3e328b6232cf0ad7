from random import Random

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from anabranch.serving.fusion.during.union_map import UnionMap
from anabranch.upstreams.local.token_bytes import TokenBytes

SOME = settings(max_examples=50)
TEXTS = st.lists(st.sampled_from(b"abc"), min_size=1, max_size=3).map(bytes)


@st.composite
def vocabularies(draw: st.DrawFn) -> TokenBytes:
    """Few different bytes, so that tokens are shared, begin with each other, and write the same."""
    written = draw(st.lists(st.none() | TEXTS, min_size=1, max_size=8))
    ends = draw(st.frozensets(st.integers(0, len(written) - 1), max_size=2))
    return TokenBytes(tuple(written), ends)


MODELS = st.lists(vocabularies(), min_size=1, max_size=3)


def laws(models: list[TokenBytes], seed: int) -> list[Tensor]:
    """Probabilities (2, V) of each model, 0 for what neither writes nor ends."""
    generator = torch.Generator().manual_seed(seed)
    found = []
    for model in models:
        silent = [text is None and token not in model.ends for token, text in enumerate(model.written)]
        p = torch.rand(2, len(model), generator=generator).masked_fill(torch.tensor(silent), 0.0)
        found.append(p / p.sum(dim=1, keepdim=True).clamp(min=1e-9))
    return found


def strings(models: list[TokenBytes]) -> set[bytes]:
    """All that some token writes that ends nothing."""
    return {
        text for one in models for token, text in enumerate(one.written) if text is not None and token not in one.ends
    }


@SOME
@given(MODELS)
def test_symbols_are_the_distinct_strings_in_order_and_an_end(models: list[TokenBytes]) -> None:
    """Sorted, so that they depend on no hash seed."""
    union = UnionMap.of(models)
    assert union.texts == (*sorted(strings(models)), b"")
    assert len(union) == len(strings(models)) + 1 and union.end == len(union) - 1


@SOME
@given(MODELS)
def test_each_id_is_the_symbol_that_it_writes(models: list[TokenBytes]) -> None:
    union = UnionMap.of(models)
    for model, column in zip(models, union.columns, strict=True):
        assert column.dtype == torch.int64 and len(column) == len(model)
        for token, symbol in enumerate(column.tolist()):
            if token in model.ends:
                assert symbol == union.end
            elif model.written[token] is None:
                assert symbol == len(union)
            else:
                assert symbol < union.end and union.texts[symbol] == model.written[token]


@SOME
@given(MODELS)
def test_a_symbol_begins_with_the_longest_token_that_there_is(models: list[TokenBytes]) -> None:
    union = UnionMap.of(models)
    for model, first in zip(models, union.first_ids, strict=True):
        for symbol, text in enumerate(union.texts[:-1]):
            fits = [
                (-len(written), token)
                for token, written in enumerate(model.written)
                if written is not None and token not in model.ends and text.startswith(written)
            ]
            assert first[symbol] == min(fits, default=(0, -1))[1]
        assert first[union.end] == min(model.ends, default=-1)


@SOME
@given(MODELS)
def test_a_symbol_is_exact_where_a_token_is_it(models: list[TokenBytes]) -> None:
    """Found through the columns: some id has that symbol. So no id is the first of two exact symbols."""
    union = UnionMap.of(models)
    for column, first, exact in zip(union.columns, union.first_ids, union.exact, strict=True):
        assert set(exact.nonzero()[:, 0].tolist()) == set(column.tolist()) - {len(union)}
        owners = first[exact].tolist()
        assert len(set(owners)) == len(owners)


@SOME
@given(MODELS, st.integers(0, 1000))
def test_mass_is_kept_and_so_is_that_of_the_end(models: list[TokenBytes], seed: int) -> None:
    said = laws(models, seed)
    weights = torch.rand(2, len(models), generator=torch.Generator().manual_seed(seed))
    merged = UnionMap.of(models).merge(said, weights)
    total = sum(weights[:, place] * one.sum(dim=1) for place, one in enumerate(said))
    ends = sum(weights[:, place] * one[:, sorted(models[place].ends)].sum(dim=1) for place, one in enumerate(said))
    torch.testing.assert_close(merged.sum(dim=1), total, atol=1e-6, rtol=1e-6)
    torch.testing.assert_close(merged[:, -1], ends, atol=1e-6, rtol=1e-6)


@SOME
@given(MODELS, st.integers(0, 1000))
def test_merging_is_the_plain_sum_by_bytes(models: list[TokenBytes], seed: int) -> None:
    """Against a dictionary of what each string is given, in Python's float64."""
    said = laws(models, seed)
    weights = torch.rand(2, len(models), generator=torch.Generator().manual_seed(seed))
    expected = dict.fromkeys(sorted(strings(models)), 0.0)
    for place, model in enumerate(models):
        for token, text in enumerate(model.written):
            if text is not None and token not in model.ends:
                expected[text] += float(weights[0, place]) * float(said[place][0, token])
    union = UnionMap.of(models)
    found = dict(zip(union.texts[:-1], union.merge(said, weights)[0, :-1].tolist(), strict=True))
    assert found == pytest.approx(expected, abs=1e-6)


@SOME
@given(MODELS, st.integers(0, 1000), st.randoms(use_true_random=False))
def test_the_order_of_models_changes_the_order_of_maps_alone(
    models: list[TokenBytes], seed: int, shuffle: Random
) -> None:
    order = list(range(len(models)))
    shuffle.shuffle(order)
    union, other = UnionMap.of(models), UnionMap.of([models[place] for place in order])
    assert other.texts == union.texts
    for at, place in enumerate(order):
        assert torch.equal(other.columns[at], union.columns[place])
        assert torch.equal(other.first_ids[at], union.first_ids[place])
    said = laws(models, seed)
    weights = torch.rand(2, len(models), generator=torch.Generator().manual_seed(seed))
    torch.testing.assert_close(
        other.merge([said[place] for place in order], weights[:, order]), union.merge(said, weights)
    )


def test_what_writes_nothing_gives_nothing() -> None:
    """Half of the mass is on a special token, which is no symbol: the other half is all that is left."""
    union = UnionMap.of([TokenBytes((b"a", None), frozenset())])
    assert union.merge([torch.tensor([[0.5, 0.5]])], torch.ones(1, 1)).tolist() == [[0.5, 0.0]]


def test_ends_beyond_the_logits_are_nobodys() -> None:
    union = UnionMap.of([TokenBytes((b"a",), frozenset({5}))])
    assert union.columns[0].tolist() == [0] and union.first_ids[0].tolist() == [0, -1]


def test_an_id_that_ends_a_text_is_the_end_even_if_it_could_write() -> None:
    union = UnionMap.of([TokenBytes((b"a", b"\n"), frozenset({1})), TokenBytes((b"\n\n",), frozenset())])
    assert union.texts == (b"\n\n", b"a", b"")
    assert union.columns[0].tolist() == [1, 2] and union.first_ids[0].tolist() == [-1, 0, 1]
