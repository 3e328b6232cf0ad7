"""What tells one endpoint from another: the bodies it reads, whom it may ask, the bodies it writes."""

from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from anabranch.serving.fields import Rule
from anabranch.upstreams.text_completion import TextChunk, TextReply, TextRequest
from anabranch.upstreams.upstream import Chunk, Reply, Request, Upstream, Usage

Q = TypeVar("Q", bound=Request | TextRequest)
R = TypeVar("R", bound=Reply | TextReply)
C = TypeVar("C", bound=Chunk | TextChunk)
Written = TypeVar("Written", bound=Chunk | TextChunk, contravariant=True)


@dataclass(frozen=True)
class Head:
    """What every body of one answer repeats, where the upstream has no body of its own."""

    id: str
    created: int
    model: str

    @property
    def fields(self) -> dict[str, Any]:
        """As JSON."""
        return {"id": self.id, "created": self.created, "model": self.model}


class Writer(Protocol[Written]):
    """The bodies of one streamed answer."""

    def bodies(self, chunk: Written, index: int) -> list[dict[str, Any]]:
        """The bodies of a piece of the answer to prompt `index`, without usage."""

    def usage_body(self, usage: Usage | None, extra: Mapping[str, Any]) -> dict[str, Any]:
        """The body after the last piece, for clients that ask for the usage; `extra` is the field `anabranch`."""


class Dialect(Protocol[Q, R, C]):
    """One endpoint's protocol, over requests Q, replies R and chunks C; it keeps no state."""

    @property
    def id_prefix(self) -> str:
        """How the ids of its answers begin."""

    @property
    def rules(self) -> Mapping[str, Rule]:
        """What its fields must be."""

    @property
    def required(self) -> tuple[str, ...]:
        """The fields that must be there."""

    def requests(self, body: Mapping[str, Any]) -> list[Q]:
        """One request for each prompt of a checked body.

        Raises:
            Refused: the prompts cannot be read.
        """

    def routing_text(self, request: Q) -> str:
        """What a router reads.

        Raises:
            Refused: there is no text to route on.
        """

    def obstacle(self, request: Q, upstream: Upstream) -> str | None:
        """Why this upstream cannot do what the request wants, to follow the model's name; None if it can."""

    async def complete(self, upstream: Upstream, request: Q) -> R:
        """The whole answer of an upstream for which there is no obstacle."""

    def stream(self, upstream: Upstream, request: Q) -> AsyncGenerator[C, None]:
        """The answer in pieces."""

    def chunks(self, reply: R) -> Sequence[C]:
        """A whole answer in pieces, as if it had been streamed."""

    def resolved_model(self, chunk: C) -> str | None:
        """Who a piece says that it is from."""

    def body(self, replies: Sequence[R], head: Head) -> dict[str, Any]:
        """The answer to all prompts, in their order."""

    def writer(self, head: Head) -> Writer[C]:
        """The bodies of a streamed answer."""
