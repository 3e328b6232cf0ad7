"""Attention by hand: projections that leave things as they are, and no normalisation."""

from math import exp, log, sqrt

import pytest
import torch
from torch import nn

from anabranch.routers.estimators.radialformer import RadialFormer, StarAttention


def plain(attention: StarAttention) -> StarAttention:
    for part in (attention.query, attention.key, attention.value, attention.out):
        nn.init.eye_(part.weight)
        nn.init.zeros_(part.bias)
    attention.norm = nn.Identity()  # type: ignore[assignment]
    return attention


def star(layers: int, width: int = 2) -> RadialFormer:
    made = RadialFormer(width, 1, layers)
    for attention in [*made.satellite, *made.relay]:
        plain(attention)
    return made


def test_a_context_of_one_is_all_there_is_to_see() -> None:
    """The weight is 1 whatever the centre asks; ReLU takes the negative part."""
    found = plain(StarAttention(2, 1))(torch.tensor([[9.0, -9.0]]), torch.tensor([[[3.0, -1.0]]]))
    assert found.tolist() == [[3.0, 0.0]]


def test_weights_are_the_softmax_of_scaled_products() -> None:
    """Products sqrt(2) log 3 and 0 over sqrt(2): weights 3/4 and 1/4 of (1, 0) and (0, 4)."""
    centre = torch.tensor([[sqrt(2) * log(3), 0.0]])
    found = plain(StarAttention(2, 1))(centre, torch.tensor([[1.0, 0.0]]), torch.tensor([[0.0, 4.0]]))
    assert found[0].tolist() == pytest.approx([0.75, 1.0])


def test_every_head_weighs_for_itself() -> None:
    """Heads of width 1: log 3 and 0 for the first place, 0 and log 3 for the second; 3/4 of each one's favourite."""
    centre = torch.tensor([[log(3), log(3)]])
    found = plain(StarAttention(2, 2))(centre, torch.tensor([[1.0, 0.0]]), torch.tensor([[0.0, 1.0]]))
    assert found[0].tolist() == pytest.approx([0.75, 0.75])


def test_the_output_is_normalised() -> None:
    """(3, 1) has mean 2 and deviation 1."""
    attention = plain(StarAttention(2, 1))
    attention.norm = nn.LayerNorm(2)
    found = attention(torch.zeros(1, 2), torch.tensor([[[3.0, 1.0]]]))
    assert found[0].tolist() == pytest.approx([1.0, -1.0], abs=1e-4)


def test_one_satellite_reads_itself_where_it_began_and_the_relay() -> None:
    """It is still where it began, (1, 0), so twice e^(1 / sqrt 2) against the relay's 1 at (0, 2)."""
    near = exp(1 / sqrt(2))
    found = star(1)(torch.tensor([[0.0, 2.0]]), torch.tensor([[1.0, 0.0]]))
    assert found.shape == (1, 1, 2)
    assert found[0, 0].tolist() == pytest.approx([2 * near / (2 * near + 1), 2 / (2 * near + 1)])


def test_satellites_see_each_other_only_through_the_relay() -> None:
    """Moving one moves the other after two layers, not after one."""
    relay, one, other = torch.tensor([[0.0, 1.0]]), torch.tensor([[1.0, 0.0], [0.0, 1.0]]), torch.eye(2)
    other[1] = torch.tensor([2.0, 0.5])
    assert star(1)(relay, one)[0, 0].equal(star(1)(relay, other)[0, 0])
    assert not torch.allclose(star(2)(relay, one)[0, 0], star(2)(relay, other)[0, 0])


def test_prompts_do_not_see_each_other() -> None:
    relay, start = torch.tensor([[0.0, 1.0], [5.0, 5.0]]), torch.eye(2)
    torch.testing.assert_close(star(3)(relay, start)[:1], star(3)(relay[:1], start))


def test_satellites_keep_their_order() -> None:
    torch.manual_seed(0)
    made, relay, start = RadialFormer(8, 2, 3), torch.randn(2, 8), torch.randn(3, 8)
    order = [2, 0, 1]
    torch.testing.assert_close(made(relay, start[order]), made(relay, start)[:, order])


def test_a_width_that_heads_cannot_share_is_refused() -> None:
    with pytest.raises(ValueError, match=r"a state of 30 cannot be split among 4 heads: take a multiple of 4"):
        RadialFormer(30, 4, 1)
