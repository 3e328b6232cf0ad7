"""Names of tokens in the answers of servers."""

from pathlib import Path

import pytest

from anabranch.upstreams.local.canonical import Canonical
from anabranch.upstreams.local.loading import load_tokenizer
from anabranch.upstreams.local.read_token_bytes import token_bytes
from anabranch.upstreams.local.token_names import TokenNames
from anabranch.upstreams.local.vocabulary import Vocabulary

POCKET = Path(__file__).parents[3] / "upstreams" / "pocket" / "weights"
END = 4


@pytest.fixture(params=["pocket-heron", "pocket-owl", "pocket-robin"])
def tokenizer(request: pytest.FixtureRequest) -> object:
    return load_tokenizer(POCKET / request.param)


def names(tokenizer: object) -> TokenNames:
    backed: object = tokenizer
    written = token_bytes(backed, len(backed), frozenset({END}))  # type: ignore[arg-type]
    return TokenNames(backed, Canonical(backed.backend_tokenizer, written), written)  # type: ignore[arg-type, attr-defined]


def test_by_number(tokenizer: object) -> None:
    read = names(tokenizer)
    assert [read.id_of(name) for name in ("token_id:7", "token_id:9999", "token_id:x", "token_id:-1")] == [
        7,
        *[None] * 3,
    ]


def test_every_token_of_a_text_is_found_by_what_it_writes(tokenizer: object) -> None:
    """SentencePiece has two tokens for a letter, its own and that of its byte: the one that it writes is meant."""
    read, vocabulary = names(tokenizer), Vocabulary(tokenizer, 700)  # type: ignore[arg-type]
    ids, _ = vocabulary.read("What is 37 + 4? They'll say: the sum.")
    assert [read.id_of(vocabulary.text_of(token)) for token in ids] == [*ids]


def test_special_tokens_go_by_their_pieces_and_what_cannot_be_told_has_no_id(tokenizer: object) -> None:
    read = names(tokenizer)
    assert read.id_of("<|end|>") == END
    assert [read.id_of(name) for name in ("", "\ufffd", " \ufffd", "no such token")] == [None] * 4
