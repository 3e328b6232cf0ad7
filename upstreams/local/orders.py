"""What a request orders of the engine, checked."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from anabranch.upstreams.errors import BadRequest, ContextTooLong
from anabranch.upstreams.local.completion import Order
from anabranch.upstreams.local.sampling import Sampling
from anabranch.upstreams.local.vocabulary import TemplateError, Vocabulary
from anabranch.upstreams.text_completion import TextRequest
from anabranch.upstreams.upstream import Request

DEFAULT_MAX_TOKENS = 256
GOES_ON = "ignore_eos"
"""The field of a request whose text goes on over what ends a text, as vLLM calls it."""
HALF_PAIR = "was sent a text that is not Unicode: it holds half a surrogate pair"
# fields that would change the answer and cannot be honoured, with the values that ask for nothing
REFUSED: Mapping[str, tuple[Any, ...]] = {
    "n": (None, 1),
    "best_of": (None, 1),
    "tools": (None, []),
    "functions": (None, []),
    "response_format": (None, {"type": "text"}),
    "logit_bias": (None, {}),
    "presence_penalty": (None, 0),
    "frequency_penalty": (None, 0),
    "suffix": (None, ""),
}


class Orders:
    """Turns the requests to one model into orders; every method raises `BadRequest` for what cannot be done.

    Args:
        name: of the upstream, for errors.
        vocabulary: of the model.
        context_window: prompt and completion tokens together; None for no limit.
        ends: ids that end a text.
    """

    def __init__(self, name: str, vocabulary: Vocabulary, context_window: int | None, ends: frozenset[int]) -> None:
        self._name, self._vocabulary, self._context_window, self._ends = name, vocabulary, context_window, ends

    def chat(self, request: Request, streams: bool) -> Order:
        """The answer to a chat, of one token or more."""
        self._check(request, fewest=1)
        prompt = self._laid_out(request.messages)
        self._check_prompt(prompt)
        return self._order(request, prompt, None, streams)

    def text(self, request: TextRequest, streams: bool) -> Order:
        """The continuation of a text, of no token or more."""
        self._check(request, fewest=0)
        prompt, texts = self._read(request.prompt) if isinstance(request.prompt, str) else (request.prompt, None)
        self._check_prompt(prompt)
        echo = (self._vocabulary.texts(prompt) if texts is None else texts) if request.echo else None
        return self._order(request, prompt, echo, streams)

    def _order(
        self, request: Request | TextRequest, prompt: Sequence[int], echo: tuple[str, ...] | None, streams: bool
    ) -> Order:
        return Order(
            prompt=prompt,
            max_tokens=self._fitting(len(prompt), _max_tokens(request)),
            sampling=Sampling(request.temperature or 0.0, _top_p(request), request.seed),
            stops=request.stop,
            ends=frozenset() if request.extra.get(GOES_ON) is True else self._ends,
            top=request.top_logprobs,
            echo=echo,
            streams=streams,
        )

    def _laid_out(self, messages: Sequence[Mapping[str, Any]]) -> tuple[int, ...]:
        if not self._vocabulary.has_template:
            raise self._bad("has no chat template: give its tokenizer one, or complete text")
        plain = [{**message, "content": self._content(message)} for message in messages]
        try:
            return self._vocabulary.chat(plain)
        except UnicodeEncodeError:
            raise self._bad(HALF_PAIR) from None
        except TemplateError:
            roles = [str(message.get("role")) for message in messages]
            raise self._bad(f"has a chat template that refuses messages with the roles {roles}") from None

    def _read(self, text: str) -> tuple[tuple[int, ...], tuple[str, ...]]:
        try:
            return self._vocabulary.read(text)
        except UnicodeEncodeError:
            raise self._bad(HALF_PAIR) from None

    def _content(self, message: Mapping[str, Any]) -> str:
        """A message's text; parts are joined."""
        content = message.get("content")
        parts = [{"type": "text", "text": content or ""}] if content is None or isinstance(content, str) else content
        try:
            others = sorted({str(part["type"]) for part in parts} - {"text"})
            if not others:
                return "".join(str(part["text"]) for part in parts)
        except (KeyError, TypeError):
            raise self._bad("got a message whose content is neither a text nor a list of parts") from None
        raise self._bad(f"reads text only, and was sent parts of the kinds {others}")

    def _check(self, request: Request | TextRequest, fewest: int) -> None:
        self._need_whole("max_tokens", _max_tokens(request), fewest)
        self._need_whole("top_logprobs", request.top_logprobs, 0)
        temperature, top_p = request.temperature, request.extra.get("top_p")
        if temperature is not None and not 0 <= temperature < math.inf:
            raise self._bad(f"was given temperature {temperature}; it must be 0 or more")
        if not (top_p is None or (isinstance(top_p, int | float) and 0 < top_p <= 1)):
            raise self._bad(f"was given top_p {top_p!r}; it must be a number in (0, 1]")
        if "" in request.stop:
            raise self._bad("was given an empty stop string, which would stop before it begins")
        for field, neutral in REFUSED.items():
            if request.extra.get(field) not in neutral:
                raise self._bad(f"cannot honour {field!r}")

    def _need_whole(self, field: str, value: object, least: int) -> None:
        if not (value is None or (isinstance(value, int) and value >= least)):
            raise self._bad(f"was given {field} {value!r}; it must be a whole number of at least {least}")

    def _check_prompt(self, prompt: Sequence[int]) -> None:
        if not prompt:
            raise self._bad("was given an empty prompt; it must have one token at least")
        # an id beyond the embedding would end a GPU's context for everybody
        if not 0 <= min(prompt) <= max(prompt) < self._vocabulary.size:
            raise self._bad(f"was given token ids outside its vocabulary, 0 to {self._vocabulary.size - 1}")

    def _fitting(self, prompt: int, wanted: int | None) -> int:
        """The completion's limit: what is wanted, or else the default as far as the context window allows."""
        window = self._context_window
        left = DEFAULT_MAX_TOKENS if window is None else window - prompt
        tokens = min(DEFAULT_MAX_TOKENS, max(1, left)) if wanted is None else wanted
        if window is not None and tokens > left:
            raise ContextTooLong(
                self._name, f"has a context window of {window} tokens, not {prompt} of prompt and {tokens} to write"
            )
        return tokens

    def _bad(self, what: str) -> BadRequest:
        return BadRequest(self._name, what)


def _max_tokens(request: Request | TextRequest) -> int | None:
    """The limit, also by the newer of its two names."""
    limit: int | None = request.extra.get("max_completion_tokens") if request.max_tokens is None else request.max_tokens
    return limit


def _top_p(request: Request | TextRequest) -> float:
    top_p = request.extra.get("top_p")
    return 1.0 if top_p is None else float(top_p)
