"""Text to token ids and back, as a model's tokenizer does it."""

from collections.abc import Mapping, Sequence
from functools import cache
from itertools import pairwise
from typing import Any

from jinja2 import TemplateError as TemplateError
from tokenizers import Encoding
from transformers import PreTrainedTokenizerBase

from anabranch.upstreams.local.detokeniser import Detokeniser


class Vocabulary:
    """A tokenizer; its methods may be called from several threads.

    Args:
        tokenizer: of transformers, backed by the tokenizers library.
        size: ids that the model knows.

    Raises:
        ValueError: a tokenizer that is not backed by that library.
    """

    def __init__(self, tokenizer: PreTrainedTokenizerBase, size: int) -> None:
        if not tokenizer.is_fast:
            raise ValueError(f"{type(tokenizer).__name__} has no fast version; save the tokenizer as tokenizer.json")
        self._tokenizer, self._backend = tokenizer, tokenizer.backend_tokenizer
        # the wrapper would set these with each call, in the middle of another thread's
        self._backend.no_padding()
        self._backend.no_truncation()
        self.size = size
        self.text_of = cache(self._text_of)

    @property
    def has_template(self) -> bool:
        """Whether it knows how to lay out a chat."""
        return self._tokenizer.chat_template is not None

    def chat(self, messages: Sequence[Mapping[str, Any]]) -> tuple[int, ...]:
        """The ids of a chat that the assistant is to go on with.

        Raises:
            TemplateError: the template refuses the messages.
            UnicodeEncodeError: half a surrogate pair.
        """
        chat: list[dict[str, Any]] = [dict(message) for message in messages]
        laid_out: Any = self._tokenizer.apply_chat_template(chat, tokenize=False, add_generation_prompt=True)
        return tuple(self._encode(laid_out, add_special_tokens=False).ids)

    def read(self, text: str) -> tuple[tuple[int, ...], tuple[str, ...]]:
        """The ids of a text, special tokens added as the tokenizer is set up to, and what each adds to the text.

        Raises:
            UnicodeEncodeError: half a surrogate pair.
        """
        encoding = self._encode(text, add_special_tokens=True)
        ends = [0]
        for _, end in encoding.offsets:
            ends.append(max(ends[-1], end))
        ends[-1] = len(text)
        return tuple(encoding.ids), tuple(text[a:b] for a, b in pairwise(ends))

    def texts(self, ids: Sequence[int]) -> tuple[str, ...]:
        """What each id adds to the text of all, special tokens shown."""
        text = Detokeniser(self.decode_all)
        pieces = [text.add(token) for token in ids]
        return (*pieces[:-1], pieces[-1] + text.rest()) if pieces else ()

    def decode(self, ids: Sequence[int]) -> str:
        """The text of ids, without special tokens."""
        text: str = self._backend.decode(ids, skip_special_tokens=True)
        return text

    def decode_all(self, ids: Sequence[int]) -> str:
        """The text of ids, special tokens shown."""
        text: str = self._backend.decode(ids, skip_special_tokens=False)
        return text

    def _encode(self, text: str, add_special_tokens: bool) -> Encoding:
        text.encode()  # the library takes half a surrogate pair for no string at all
        encoding: Encoding = self._backend.encode(text, add_special_tokens=add_special_tokens)
        return encoding

    def _text_of(self, token: int) -> str:
        # behind another token, since some tokenizers take the blank off the first
        (anchor,) = self._backend.encode("a", add_special_tokens=False).ids[-1:] or [token]
        return self.decode_all([anchor, token])[len(self.decode_all([anchor])) :]
