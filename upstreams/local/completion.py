"""One completion on its way through the engine."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from anabranch.upstreams.errors import UpstreamError
from anabranch.upstreams.local.detokeniser import Decode
from anabranch.upstreams.local.pieces import End, Piece, WrittenToken, joined
from anabranch.upstreams.local.sampling import Sampling
from anabranch.upstreams.local.scored import Scored
from anabranch.upstreams.local.writer import Writer

Post = Callable[[Piece | UpstreamError], None]


@dataclass(frozen=True)
class Order:
    """What is wanted of a completion.

    Args:
        prompt: ids; not empty.
        max_tokens: to write; 0 reads the prompt and writes nothing.
        sampling: how tokens are chosen.
        stops: strings that end the text.
        ends: ids that end the text.
        top: alternatives wanted a token; None for no log-probabilities.
        echo: what each of the prompt's tokens adds to its text, if the prompt is to come before the completion.
        streams: whether pieces are wanted as they are written, rather than one at the end.
    """

    prompt: Sequence[int]
    max_tokens: int
    sampling: Sampling = field(default_factory=Sampling)
    stops: tuple[str, ...] = ()
    ends: frozenset[int] = frozenset()
    top: int | None = None
    echo: tuple[str, ...] | None = None
    streams: bool = False

    @property
    def prompt_tokens(self) -> int:
        """Tokens that are read."""
        return len(self.prompt)

    @property
    def scores_prompt(self) -> bool:
        """Whether the log-probabilities of the prompt are wanted."""
        return self.echo is not None and self.top is not None


class Completion:
    """The state of one completion; the engine feeds it tokens, it posts pieces and knows when it is over.

    Args:
        order: what is wanted.
        decode: ids to text.
        post: takes pieces, the last of which has an end, or an error after which there is nothing.
    """

    def __init__(self, order: Order, decode: Decode, post: Post) -> None:
        self.order = order
        self.last = -1  # the token that was written last
        self.cancelled = False
        self.over = False
        self._prompt_scores = [Scored(order.prompt[0])]
        self._post = post
        self._writer = Writer(decode, order.stops, keeps_tokens=order.top is not None)
        self._unposted: list[Piece] = []
        self._written = self._computed = 0

    def score_prompt(self, tokens: Sequence[Scored]) -> None:
        """Take the log-probabilities of the prompt's next tokens, the first of which has none."""
        self._prompt_scores += tokens

    def finish_prompt(self) -> None:
        """Note that the prompt has been read."""
        if self.order.echo is not None:
            scores = self._prompt_scores if self.order.scores_prompt else []
            self._add(Piece("".join(self.order.echo), tuple(map(WrittenToken, self.order.echo, scores))))
        if self.order.max_tokens == 0:
            self._end("length")

    def take(self, token: Scored, computed: int = 1) -> None:
        """Append the next token; it took so many, if several models computed it."""
        self.last = token.token
        self._written += 1
        self._computed += computed
        if token.token in self.order.ends:
            self._end("stop")
            return
        self._add(self._writer.add(token))
        if self._writer.stopped or self._written == self.order.max_tokens:
            self._end("length")
        elif self.order.streams:
            self._flush()

    def cut_short(self) -> None:
        """End it where it is, as there is no room for more."""
        self._end("length")

    def fail(self, error: UpstreamError) -> None:
        """End it with an error."""
        self.over = True
        self._post(error)

    def _end(self, reason: str) -> None:
        self.over = True
        self._add(self._writer.rest())
        ended = End("stop" if self._writer.stopped else reason, self.order.prompt_tokens, self._computed)
        self._unposted.append(Piece("", end=ended))
        self._flush()

    def _add(self, piece: Piece) -> None:
        if piece.text or piece.tokens:
            self._unposted.append(piece)

    def _flush(self) -> None:
        if self._unposted:
            self._post(joined(self._unposted))
            self._unposted = []
