"""What a completion is handed over as."""

from dataclasses import dataclass

from anabranch.upstreams.local.scored import Scored


@dataclass(frozen=True, slots=True)
class WrittenToken:
    """A token and the characters that it adds to a text; none if they come with a later one."""

    text: str
    scored: Scored


@dataclass(frozen=True, slots=True)
class End:
    """How a completion ended.

    Args:
        finish_reason: stop or length.
        prompt_tokens: that were read.
        completion_tokens: that were computed: the end-of-text token counts, and so do those that a stop string cut off.
    """

    finish_reason: str
    prompt_tokens: int
    completion_tokens: int


@dataclass(frozen=True, slots=True)
class Piece:
    """Some of a completion; the last one says how it ended."""

    text: str
    tokens: tuple[WrittenToken, ...] = ()
    end: End | None = None


def joined(pieces: list[Piece]) -> Piece:
    """Several pieces as one.

    >>> joined([Piece("4"), Piece("2", end=End("stop", 5, 3))]).text
    '42'
    """
    tokens = tuple(token for piece in pieces for token in piece.tokens)
    return Piece("".join(piece.text for piece in pieces), tokens, pieces[-1].end)
