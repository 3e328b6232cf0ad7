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
        return self._order(request, self._laid_out(request.messages), None, streams)

    def text(self, request: TextRequest, streams: bool) -> Order:
        """The continuation of a text, of no token or more."""
        self._check(request, fewest=0)
        if isinstance(request.prompt, str):
            prompt, texts = self._vocabulary.read(request.prompt)
        else:
            prompt, texts = request.prompt, self._vocabulary.texts(request.prompt) if request.echo else ()
        return self._order(request, prompt, texts if request.echo else None, streams)

    def _order(
        self, request: Request | TextRequest, prompt: Sequence[int], echo: tuple[str, ...] | None, streams: bool
    ) -> Order:
        self._check_prompt(prompt)
        return Order(
            prompt=prompt,
            max_tokens=self._fitting(len(prompt), _max_tokens(request)),
            sampling=Sampling(request.temperature or 0.0, _top_p(request), request.seed),
            stops=request.stop,
            ends=self._ends,
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
        except TemplateError:
            roles = [str(message.get("role")) for message in messages]
            raise self._bad(f"has a chat template that refuses messages with the roles {roles}") from None

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
        self._need("max_tokens", _max_tokens(request), lambda value: value >= fewest, f"at least {fewest}")
        self._need("temperature", request.temperature, lambda value: 0 <= value < math.inf, "0 or more")
        self._need("top_p", request.extra.get("top_p"), lambda value: 0 < value <= 1, "in (0, 1]")
        self._need("top_logprobs", request.top_logprobs, lambda value: value >= 0, "at least 0")
        if "" in request.stop:
            raise self._bad("was given an empty stop string, which would stop before it begins")
        for field, neutral in REFUSED.items():
            if request.extra.get(field) not in neutral:
                raise self._bad(f"cannot honour {field!r}")

    def _need(self, field: str, value: Any, holds: Any, rule: str) -> None:
        if value is not None and not (isinstance(value, int | float) and holds(value)):
            raise self._bad(f"was given {field} {value!r}; it must be {rule}")

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
