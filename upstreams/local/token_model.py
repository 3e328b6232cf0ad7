"""The contract of fusion: a model that is in the middle of several texts, and can be told how they went on."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from torch import Tensor

from anabranch.upstreams.local.token_bytes import TokenBytes


@dataclass
class Work:
    """What a model has done; the same on any machine.

    Args:
        forwards: calls of the model.
        tokens: ids that went through it, padding not counted.
    """

    forwards: int = 0
    tokens: int = 0


class TokenModel(Protocol):
    """B rows, each a prompt and what was written after it; nobody's prefix is ever read twice.

    A row is known by its number, which it keeps; rows that were dropped are not used again. What is appended is only
    noted: it goes through the model, all of it at once, when something is asked of the row. All numbers are float32.
    """

    @property
    def vocabulary(self) -> TokenBytes:
        """What its tokens write; V ids."""

    @property
    def work(self) -> Work:
        """What it has done so far."""

    @property
    def window(self) -> int | None:
        """The most ids of a row, its prompt included; None for no limit."""

    def open(self, prompts: Sequence[Sequence[int]]) -> list[int]:
        """Begin rows after these prompts, none of them empty; their numbers. Nothing is computed yet."""

    def advance(self, row: int, most: int) -> int:
        """Read up to so many pending ids of a row ahead of `next`, but not the last; how many there were to read."""

    def next(self, rows: Sequence[int]) -> Tensor:
        """Log-probabilities of what follows each of some rows, (len(rows), V), in one forward of the rows that have
        something pending; -inf for ids that write nothing and end nothing, so that the rest sums to 1.
        """

    def heard(self, row: int, most: int) -> Tensor:
        """Log-probabilities of what follows each of the last ids of a row's prompt, (`most` or fewer, V), in the
        forward that reads it; of a row that was read already, its last ids are read again.
        """

    def write(self, row: int, text: bytes) -> None:
        """Say what the row's whole text after the prompt is now, however it was written so far.

        Its ids become those of the tokenizer for that text: what is pending or cached beyond the longest common prefix
        is taken back. A character whose bytes are not all there yet is written with tokens of bytes where the
        vocabulary has them, or else waits for the rest.
        """

    def ids(self, row: int) -> tuple[int, ...]:
        """The ids of the row's text, the prompt left out, pending ones included."""

    def score(self, rows: Sequence[int], texts: Sequence[Sequence[bytes]]) -> list[list[Tensor]]:
        """Log-probability of each token of some continuations of each row's text, as the tokenizer writes it after that
        text; of a text of n tokens, (n,). The rows, which are distinct, are left as they were.
        """

    def fork(self, row: int) -> int:
        """A new row that is where this one is."""

    def drop(self, rows: Sequence[int]) -> None:
        """Forget rows."""
