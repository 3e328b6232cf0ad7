import copy
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from anabranch.routers.encoders.embed import embed
from anabranch.routers.encoders.hashing import HashingEncoder, byte_tokenizer
from anabranch.routers.encoders.tokens import Tokens

ENCODER = HashingEncoder(width=64)


def forward(encoder: HashingEncoder, texts: list[str]) -> Tensor:
    ids, mask = map(torch.from_numpy, encoder.tokens(texts))
    return encoder.forward(ids, mask)


def test_the_embedding_is_the_sum_of_its_n_grams_signs() -> None:
    """ "ab" has two start positions, a and b, and n = 2 to 5 at each, zeros beyond the end.

    The code of ids x1 ... xn is x1 B^(n-1) + ... + xn modulo 2^31 - 1 with B = 1,000,003, its bucket modulo 4096.
    """
    a, b = (row.tolist()[0] for row in ENCODER.tokens.truncated_ids(["a", "b"]))
    base, expected = 1_000_003, torch.zeros(64)
    for start in ([a, b, 0, 0, 0], [b, 0, 0, 0, 0]):
        for n in range(2, 6):
            code = sum(x * base ** (n - 1 - i) for i, x in enumerate(start[:n])) % (2**31 - 1)
            expected += ENCODER.signs[code % 4096]
    torch.testing.assert_close(forward(ENCODER, ["ab"])[0], expected / expected.norm())


def test_every_byte_is_one_token_and_none_is_padding() -> None:
    tokens = Tokens(byte_tokenizer(), 1000)
    seen = np.concatenate(tokens.truncated_ids([chr(i) for i in range(0x80)] + ["\u00e9\u4e16\U0001f600"]))
    assert len(seen) == 0x80 + 2 + 3 + 4
    assert (seen.min(), seen.max() <= 256) == (1, True)


@settings(deadline=None)
@given(st.lists(st.text(max_size=40), min_size=1, max_size=6))
def test_a_batch_equals_its_texts_alone(texts: list[str]) -> None:
    together = forward(ENCODER, texts)
    for row, text in zip(together, texts, strict=True):
        assert torch.equal(row, forward(ENCODER, [text])[0])


def test_lengths_are_one_but_for_the_empty_text() -> None:
    norms = forward(ENCODER, ["", "x", "hello there"]).norm(dim=1)
    torch.testing.assert_close(norms, torch.tensor([0.0, 1.0, 1.0]))


def test_the_seed_alone_makes_the_signs() -> None:
    again, other = HashingEncoder(width=64), HashingEncoder(width=64, seed=1)
    assert torch.equal(forward(again, ["text"]), forward(ENCODER, ["text"]))
    assert not torch.equal(forward(other, ["text"]), forward(ENCODER, ["text"]))
    assert ENCODER.state_dict() == {}


def test_the_global_generator_is_left_alone() -> None:
    before = torch.get_rng_state()
    HashingEncoder()
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize(
    "change", [{"seed": 1}, {"buckets": 2048}, {"width": 32}, {"max_tokens": 9}, {"head_share": 0.5}]
)
def test_the_fingerprint_knows_every_argument(change: dict[str, float]) -> None:
    assert HashingEncoder(**{"width": 64, **change}).fingerprint != ENCODER.fingerprint  # type: ignore[arg-type]
    assert HashingEncoder(width=64).fingerprint == copy.deepcopy(ENCODER).fingerprint == ENCODER.fingerprint


@pytest.mark.parametrize(("arguments", "message"), [({"width": 0}, "width is 0"), ({"buckets": 3}, "buckets is 3")])
def test_arguments_out_of_range_are_refused(arguments: dict[str, int], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        HashingEncoder(**arguments)


def test_a_linear_head_separates_two_vocabularies() -> None:
    """Sentences of five words from one of two disjoint lists of 20; least squares on 200, tried on 200 others.

    Every test word was seen in training, so a head that reads words has nothing left to get wrong.
    """
    rng = np.random.default_rng(0)
    letters = list("abcdefghijklmnopqrstuvwxyz")
    vocabulary = ["".join(rng.choice(letters, 5)) for _ in range(40)]
    labels = rng.integers(0, 2, 400)
    texts = [" ".join(rng.choice(vocabulary[20 * label : 20 * label + 20], 5)) for label in labels]
    x = embed(HashingEncoder(), texts).astype(np.float64)
    ridge = x[:200].T @ x[:200] + 0.1 * np.eye(256)
    head = np.linalg.solve(ridge, x[:200].T @ (2 * labels[:200] - 1))
    assert ((x[200:] @ head > 0) == labels[200:]).mean() > 0.99


@pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::UserWarning", "ignore::DeprecationWarning")
def test_onnx_gives_the_same_numbers(tmp_path: Path) -> None:
    dynamic = {0: torch.export.Dim.DYNAMIC, 1: torch.export.Dim.DYNAMIC}
    torch.onnx.export(
        HashingEncoder(width=64).eval(),
        tuple(map(torch.from_numpy, ENCODER.tokens(["two words", "one"]))),
        tmp_path / "hashing.onnx",
        dynamo=True,
        external_data=False,
        dynamic_shapes=(dynamic, dynamic),
        verbose=False,
    )
    session = onnxruntime.InferenceSession(tmp_path / "hashing.onnx")
    names = [port.name for port in session.get_inputs()]
    for texts in (["x"], ["", "h\u00e9llo " * 300, "a\nb"], ["same"] * 7):
        (out,) = session.run(None, dict(zip(names, ENCODER.tokens(texts), strict=True)))
        assert np.abs(out - embed(ENCODER, texts)).max() <= 1e-7
