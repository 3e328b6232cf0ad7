import numpy as np
import pytest
import torch
from torch import Tensor

from anabranch.routers.encoders.embed import NotFinite, embed
from anabranch.routers.encoders.encoder import Encoder
from anabranch.routers.encoders.hashing import byte_tokenizer
from anabranch.routers.encoders.tokens import Tokens


class Lengths(Encoder):
    """The number of bytes and whether the module trains; 13 bytes are infinitely many."""

    def __init__(self) -> None:
        super().__init__()
        self.name, self.width, self.tokens = "lengths", 2, Tokens(byte_tokenizer(), 100)
        self.shapes: list[tuple[int, ...]] = []

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        self.shapes.append(tuple(input_ids.shape))
        length = attention_mask.sum(dim=1).float()
        length = torch.where(length == 13, torch.inf, length)
        return torch.stack([length, torch.full_like(length, self.training)], dim=1)

    @property
    def fingerprint(self) -> str:
        return "0" * 64


def test_rows_come_back_in_their_order_and_in_evaluation_mode() -> None:
    encoder = Lengths()
    out = embed(encoder, ["aaa", "", "aaaaa", "a"])
    assert out.tolist() == [[3, 0], [0, 0], [5, 0], [1, 0]]
    assert out.dtype == np.float32
    assert encoder.training


def test_batches_keep_the_token_budget_with_the_longest_first() -> None:
    """Budget 8: two of length 4 fill a batch; then three of at most 2 would take four; ten alone is over it."""
    encoder = Lengths()
    embed(encoder, ["aa", "a" * 10, "aaaa", "aa", "a", "aaaa"], batch_tokens=8)
    assert encoder.shapes == [(1, 10), (2, 4), (3, 2)]


def test_progress_adds_up_to_the_texts() -> None:
    steps: list[int] = []
    embed(Lengths(), ["a"] * 5, batch_tokens=2, progress=steps.append)
    assert steps == [2, 2, 1]


def test_a_number_that_is_not_finite_names_its_row() -> None:
    encoder = Lengths()
    with pytest.raises(NotFinite, match="the embedding of text 2 is not finite") as caught:
        embed(encoder, ["a", "aa", "a" * 13])
    assert caught.value.row == 2
    assert encoder.training


def test_no_texts_give_no_rows() -> None:
    assert embed(Lengths(), []).shape == (0, 2)
