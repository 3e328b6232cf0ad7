"""Routing text: the part of a request that a router reads."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

ROUTING_TEXT_VERSION = "1"
MAX_CHARS = 16_000
HEAD_CHARS = 4_000
SHORT_CHARS = 40
CONTEXT_CHARS = 500

_MARKER = "\n[...]\n"
_ATTACHMENTS = {
    "image": "[image]",
    "image_url": "[image]",
    "input_image": "[image]",
    "input_audio": "[audio]",
    "file": "[file]",
    "input_file": "[file]",
}


def routing_text(messages: str | Sequence[Mapping[str, Any]]) -> str:
    """What varies between requests: the user's intent, without a shared system prompt.

    A string is itself. Of a chat, the last user turn that has text counts (never a tool result); where it
    is shorter than 40 characters ("and in French?"), earlier user turns, shortened to 500 characters each,
    come before it until 40 are reached. A chat without user text falls back to its system prompt. Runs of
    blanks become one, and what is longer than 16,000 characters keeps its head (4,000) and its tail.
    The rules are version 1 (`ROUTING_TEXT_VERSION`): a bundle names the version it was trained with.

    Args:
        messages: a prompt, or chat messages with `role` and `content` (text, a list of parts, or None).

    Raises:
        ValueError: there is no text, or `messages` is not a list of mappings.

    >>> chat = [{"role": "user", "content": "Say  hello."}, {"role": "user", "content": "And in French?"}]
    >>> routing_text(chat)
    'Say hello.\\nAnd in French?'
    """
    text = _tidy(messages) if isinstance(messages, str) else _intent(messages)
    if not text:
        raise ValueError("no text to route on; give a prompt, or messages with text in a user turn")
    return _shorten(text, MAX_CHARS, HEAD_CHARS)


def _intent(messages: Sequence[Mapping[str, Any]]) -> str:
    turns = _turns(messages, {"user"})
    if not turns:
        return "\n".join(_turns(messages, {"system", "developer"}))
    text = turns.pop()
    while turns and len(text) < SHORT_CHARS:
        text = f"{_shorten(turns.pop(), CONTEXT_CHARS, CONTEXT_CHARS // 2)}\n{text}"
    return text


def _turns(messages: Any, roles: set[str]) -> list[str]:
    if not isinstance(messages, Sequence):
        raise ValueError(f"messages is {type(messages).__name__}; it must be text or a list of messages")
    for number, message in enumerate(messages):
        if not isinstance(message, Mapping):
            kind = type(message).__name__
            raise ValueError(f"message {number} is {kind}; each must be a mapping with role and content")
    spoken = (_tidy(_spoken(message.get("content"))) for message in messages if message.get("role") in roles)
    return [text for text in spoken if text]


def _spoken(content: object) -> str:
    if isinstance(content, str):
        return content
    parts = content if isinstance(content, list | tuple) else ()
    return "\n".join(filter(None, map(_part, parts)))


def _part(part: object) -> str:
    if isinstance(part, str):
        return part
    if not isinstance(part, Mapping):
        return ""
    kind, text = part.get("type"), part.get("text")
    if kind in ("text", "input_text", None) and isinstance(text, str):
        return text
    return _ATTACHMENTS.get(str(kind), "")


def _tidy(text: str) -> str:
    one_blank = re.sub(r"[^\S\n]+", " ", text).replace(" \n", "\n")
    return re.sub(r"\n{3,}", "\n\n", one_blank).strip()


def _shorten(text: str, limit: int, head: int) -> str:
    if len(text) <= limit:
        return text
    tail = limit - head - len(_MARKER)
    return text[:head].rstrip() + _MARKER + text[-tail:].lstrip()
