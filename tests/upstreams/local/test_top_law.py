"""A law of all ids out of the likeliest ones."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from anabranch.upstreams.local.top_law import top_law


@given(st.lists(st.floats(-6, 6), min_size=3, max_size=12), st.data())
def test_it_is_a_law_that_keeps_what_was_said(logits: list[float], data: st.DataObject) -> None:
    """Sums to 1; named ids are as they were; no other is likelier than the least of them; all, and it is exact."""
    law = torch.tensor(logits, dtype=torch.float64).log_softmax(dim=0)
    k = data.draw(st.integers(1, len(logits)))
    best = law.topk(k)
    found = top_law(
        dict(zip(best.indices.tolist(), best.values.tolist(), strict=True)), float(best.values[-1]), law > -99
    )
    assert found.dtype == torch.float32 and float(found.exp().sum()) == pytest.approx(1, abs=1e-5)
    assert torch.allclose(found[best.indices], best.values.float(), atol=1e-5)
    others = torch.ones(len(law), dtype=torch.bool)
    others[best.indices] = False
    assert torch.isfinite(found).all() and bool((found[others] <= best.values[-1].float() + 1e-5).all())
    left = 1 - float(best.values.exp().sum())
    assert float(found[others].exp().sum()) == pytest.approx(left, abs=1e-5)


def test_what_says_nothing_has_no_share() -> None:
    """0.5 and 0.25 of ids 0 and 1; id 2 says nothing, named or not."""
    speaks = torch.tensor([True, True, False, True])
    for silent in ({}, {2: math.log(0.2)}):
        law = top_law({0: math.log(0.5), 1: math.log(0.25), **silent}, math.log(0.2), speaks)
        assert law[2] == -torch.inf and float(law.exp().sum()) == pytest.approx(1, abs=1e-6)
        assert float(law[0] - law[1]) == pytest.approx(math.log(2), abs=1e-6)


def test_the_share_of_what_was_not_named_has_a_bound() -> None:
    """Half of all was said of what has no id: the one other id gets 0.1 like the least, and all is made to be 1."""
    law = top_law({0: math.log(0.4), 1: math.log(0.1)}, math.log(0.1), torch.tensor([True] * 3))
    assert law.exp().tolist() == pytest.approx([4 / 6, 1 / 6, 1 / 6], abs=1e-6)
