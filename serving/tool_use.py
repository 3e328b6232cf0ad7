"""Conversations in which a model has called tools and waits for what they say."""

from collections.abc import Mapping
from typing import Any

from anabranch.upstreams.text_completion import TextRequest
from anabranch.upstreams.upstream import Request

RESULTS = ("tool", "function")


def in_tool_use(request: Request | TextRequest) -> bool:
    """Whether the last message is a tool's result, or a tool that the assistant has called has not answered.

    >>> call = {"role": "assistant", "tool_calls": [{"id": "c1"}]}
    >>> result = {"role": "tool", "tool_call_id": "c1", "content": "4"}
    >>> says = {"role": "assistant", "content": "It is 4."}
    >>> [in_tool_use(Request("m", chat)) for chat in ((call,), (call, result), (call, result, says))]
    [True, True, False]
    """
    if not isinstance(request, Request) or not request.messages:
        return False
    waiting: set[str] = set()
    for message in request.messages:
        if message.get("role") == "assistant":
            waiting = _called(message)
        elif message.get("role") in RESULTS:
            waiting.discard(str(message.get("tool_call_id")))
    return bool(waiting) or request.messages[-1].get("role") in RESULTS


def _called(message: Mapping[str, Any]) -> set[str]:
    """Ids of the calls of a message; the older `function_call` has none."""
    calls = message.get("tool_calls") or ([{}] if message.get("function_call") else [])
    return {str(call.get("id") if isinstance(call, Mapping) else None) for call in calls}
