"""A model behind a completion server, in the middle of texts."""

import math
from collections.abc import Callable, Mapping, Sequence
from itertools import chain, count
from typing import Any, NamedTuple, TypeVar

import torch
from torch import Tensor
from transformers import PreTrainedTokenizerBase

from anabranch.upstreams.blocking import Blocking
from anabranch.upstreams.errors import UpstreamError
from anabranch.upstreams.local.canonical import Canonical, CanonicalText
from anabranch.upstreams.local.errors import NotSaid
from anabranch.upstreams.local.orders import GOES_ON
from anabranch.upstreams.local.server_row import ServerRow
from anabranch.upstreams.local.threaded import ID, NAMES_IDS
from anabranch.upstreams.local.token_bytes import TokenBytes
from anabranch.upstreams.local.token_model import Work
from anabranch.upstreams.local.token_names import NO_CHARACTER, TokenNames
from anabranch.upstreams.local.top_law import top_law
from anabranch.upstreams.local.vocabulary import Vocabulary
from anabranch.upstreams.text_completion import TextReply, TextRequest, TextToken

Got = TypeVar("Got")
BY_ID: Mapping[str, Any] = {NAMES_IDS: True, GOES_ON: True}
MOST_IN_ALL = 1.01  # servers round, and some in half precision


class _Question(NamedTuple):
    """What a server is asked of a row.

    Args:
        row: it is asked of.
        ids: behind its prompt.
        text: that they write.
        top: likeliest tokens wanted.
        last: of all ids, how many are to be scored; 0 asks for what follows them.
    """

    row: ServerRow
    ids: tuple[int, ...]
    text: bytes
    top: int
    last: int = 0

    @property
    def all_ids(self) -> tuple[int, ...]:
        return (*self.row.prompt, *self.ids)


class ServerTokenModel:
    """A `TokenModel` of which only the likeliest tokens are known; for one thread at a time.

    A server keeps no rows: what it is sent is the whole of a text, each time with more at its end, so that its cache of
    prefixes need not read it again. `next` is one request a row, `score` one a continuation, all of them at once. In
    `work` a forward is a request, and a token one that the server was not sent of this row before.

    What was not named shares what is left of 1, see `top_law`. A server that ends a text and does not say how likely
    that was is taken to be certain. In its scores, ids that write nothing have the share that it gives them.

    Args:
        server: completes text with log-probabilities.
        model: its name there.
        tokenizer: the model's own, of transformers, backed by the tokenizers library.
        vocabulary: what its tokens write.
        top: likeliest tokens to ask for; all, if it is V or more.
        window: the most ids of a prompt and what follows it; the server's own if None.
        by_id: prompts are sent as ids, and tokens named by them, as vLLM and our own server do it; else all is text.

    Raises:
        ValueError: top is below 1, or the server gives no log-probabilities.
    """

    def __init__(
        self,
        server: Blocking,
        model: str,
        tokenizer: PreTrainedTokenizerBase,
        vocabulary: TokenBytes,
        *,
        top: int = 20,
        window: int | None = None,
        by_id: bool = True,
    ) -> None:
        if top < 1:
            raise ValueError(f"top is {top}; it must be 1 token or more")
        if server.capabilities.logprobs is False:
            raise ValueError(f"upstream {server.name!r} gives no log-probabilities; name one that does")
        self.vocabulary, self.work = vocabulary, Work()
        self.tokenizer = Vocabulary(tokenizer, len(vocabulary))
        most = window or server.capabilities.context_window
        self.window: int | None = most and most - 1  # what follows needs a place too
        self._server, self._model, self._by_id = server, model, by_id
        self._top = min(top, len(vocabulary))
        self._encoder = Canonical(tokenizer.backend_tokenizer, vocabulary)
        self._names = TokenNames(tokenizer, self._encoder, vocabulary)
        says = [text is not None or token in vocabulary.ends for token, text in enumerate(vocabulary.written)]
        self._speaks = torch.tensor(says)  # (V,)
        self._numbers = count()
        self._rows: dict[int, ServerRow] = {}

    def open(self, prompts: Sequence[Sequence[int]]) -> list[int]:
        """See `TokenModel`."""
        return [self._add(ServerRow(tuple(prompt), CanonicalText(self._encoder))) for prompt in prompts]

    def advance(self, row: int, most: int) -> int:
        """See `TokenModel`; a server reads prompts as it sees fit."""
        return 0

    def next(self, rows: Sequence[int]) -> Tensor:
        """See `TokenModel`; of requests that fail the others' answers are kept.

        Raises:
            UpstreamError: the server failed, or did not say what it was asked.
        """
        asked = [self._rows[row] for row in rows]
        unknown = [row for row in dict.fromkeys(asked) if row.ids not in row.said]
        self._ask([_Question(row, row.ids, row.text.text, self._top) for row in unknown], self._following)
        return torch.stack([row.said[row.ids] for row in asked])

    def heard(self, row: int, most: int) -> Tensor:
        """See `TokenModel`; errors are those of `score`."""
        live = self._rows[row]
        inner = min(most, len(live.prompt)) - 1  # what follows the last id is asked for as always
        if () not in live.said:
            self._ask([_Question(live, (), b"", self._top)], self._following)
        asked = [_Question(live, (), b"", self._top, inner)] if inner > 0 else []
        laws = self._ask(asked, lambda *answered: [self._law(token) for token in self._echoed(*answered)])
        return torch.stack([*chain(*laws), live.said[()]])

    def write(self, row: int, text: bytes) -> None:
        """See `TokenModel`."""
        self._rows[row].text.write(text)

    def ids(self, row: int) -> tuple[int, ...]:
        """See `TokenModel`."""
        return self._rows[row].ids

    def score(self, rows: Sequence[int], texts: Sequence[Sequence[bytes]]) -> list[list[Tensor]]:
        """See `TokenModel`.

        Raises:
            UpstreamError: the server failed, or does not score prompts.
        """
        questions = [[_scoring(self._rows[row], text) for text in more] for row, more in zip(rows, texts, strict=True)]
        asked = [question for each in questions for question in each if question.last]
        scored = iter(self._ask(asked, self._scores))
        return [[next(scored) if one.last else torch.zeros(0) for one in each] for each in questions]

    def fork(self, row: int) -> int:
        """See `TokenModel`."""
        return self._add(self._rows[row].copy())

    def drop(self, rows: Sequence[int]) -> None:
        """See `TokenModel`."""
        for row in rows:
            del self._rows[row]

    def _add(self, row: ServerRow) -> int:
        number = next(self._numbers)
        self._rows[number] = row
        return number

    def _ask(self, questions: Sequence[_Question], read: Callable[[_Question, TextReply], Got]) -> list[Got]:
        """What is read of each answer; all are asked for at once, and all read before the first error is raised."""
        if not questions:
            return []
        if any(question.last for question in questions) and self._server.capabilities.prompt_logprobs is False:
            raise self._bad("does not score prompts, which this method needs")
        self._count(questions)
        found, failures = [], []
        replies = self._server.complete_texts([self._request(question) for question in questions])
        for question, reply in zip(questions, replies, strict=True):
            try:
                if isinstance(reply, UpstreamError):
                    raise reply
                found.append(read(question, reply))
            except UpstreamError as error:
                failures.append(error)
        if failures:
            raise failures[0]
        return found

    def _count(self, questions: Sequence[_Question]) -> None:
        self.work.forwards += len(questions)
        for row in dict.fromkeys(question.row for question in questions):
            self.work.tokens += row.send([question.all_ids for question in questions if question.row is row])

    def _request(self, question: _Question) -> TextRequest:
        return TextRequest(
            model=self._model,
            prompt=question.all_ids if self._by_id else self._shown(question),
            max_tokens=0 if question.last else 1,
            temperature=0.0,
            top_logprobs=question.top,
            echo=question.last > 0,
            extra=BY_ID if self._by_id else {},
        )

    def _shown(self, question: _Question) -> str:
        """A prompt as text; what the server's tokenizer puts before each text is left to it."""
        first, _ = self.tokenizer.read("")
        prompt = question.row.prompt
        given = prompt[len(first) :] if prompt[: len(first)] == first else prompt
        # a character that is not all there yet waits for its rest
        return self.tokenizer.decode_all(given) + question.text.decode(errors="ignore")

    def _following(self, question: _Question, reply: TextReply) -> None:
        """Note what follows the ids of a question."""
        ended = min(self.vocabulary.ends, default=None) if reply.finish_reason == "stop" else None
        if reply.tokens:
            law = self._law(reply.tokens[0], ended)
        elif ended is not None:
            law = top_law({ended: 0.0}, -math.inf, self._speaks)
        else:
            raise self._bad("gave no log-probabilities of what it wrote")
        question.row.note(question.ids, law)

    def _scores(self, question: _Question, reply: TextReply) -> Tensor:
        return torch.tensor([token.logprob for token in self._echoed(question, reply)])

    def _law(self, token: TextToken, ended: int | None = None) -> Tensor:
        """What could have stood in the place of a token, which is that id if it ended the text, whatever its name."""
        # tokens that read alike may have been put together
        hidden = any(not name or NO_CHARACTER in name for name, _ in token.top)
        if len(token.top) < self._top and not hidden:
            raise self._bad(f"named {len(token.top)} of the {self._top} likeliest tokens: set `top` to what it gives")
        if not sum(math.exp(min(logprob, 1.0)) for _, logprob in token.top) <= MOST_IN_ALL:
            raise self._bad("sent probabilities that come to more than 1")
        said: dict[int, float] = {}
        for name, logprob in token.top:
            found = self._names.id_of(name)
            if found is not None:
                said[found] = max(logprob, said.get(found, -math.inf))
        if ended is not None and token.logprob is not None:
            said[ended] = token.logprob
        if not said and not hidden:
            raise self._bad("names tokens that are not in the tokenizer: give that of its model")
        return top_law(said, min((logprob for _, logprob in token.top), default=-math.inf), self._speaks)

    def _echoed(self, question: _Question, reply: TextReply) -> Sequence[TextToken]:
        """The last tokens of a prompt, as many as were to be scored."""
        ids, last = question.all_ids, question.last
        # some servers write a token even if none is asked for
        tokens = reply.tokens[: len(ids)] if self._by_id else reply.tokens
        if len(tokens) < (len(ids) if self._by_id else last) or None in [token.logprob for token in tokens[-last:]]:
            raise self._bad("gave no log-probabilities of its prompt, which this method needs")
        if not all(map(self._may_be, tokens[-last:], ids[-last:])):
            raise self._bad("scored other tokens than it was sent: give the tokenizer of its model")
        return tokens[-last:]

    def _may_be(self, token: TextToken, wanted: int) -> bool:
        """Whether a token can be that id; parts of characters and special tokens are shown in many ways."""
        if token.text.startswith(ID):
            return token.text == f"{ID}{wanted}"
        readable = (self.vocabulary.written[wanted] or b"").decode(errors="replace")
        return readable == token.text or not readable or not token.text or NO_CHARACTER in readable + token.text

    def _bad(self, what: str) -> NotSaid:
        return NotSaid(self._server.name, what)


def _scoring(row: ServerRow, text: bytes) -> _Question:
    """What is asked to score a continuation."""
    same, ids = row.text.with_more(text)
    return _Question(row, (*row.text.ids[:same], *ids), row.text.text + text, 0, len(ids))
