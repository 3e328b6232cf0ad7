"""What a chat needs of the model that answers it, so that a router does not choose one that cannot."""

from collections.abc import Iterator, Mapping
from typing import Any

from anabranch.upstreams.upstream import Capabilities, Request

IMAGES = {"image", "image_url", "input_image"}

LACKS = {
    "several": "gives one answer a request; leave n out and ask several times",
    "tools": "calls no functions; leave tools out",
    "json_mode": "keeps to no response_format; leave it out",
    "vision": "sees no images; leave them out",
}


def needs(request: Request) -> Iterator[str]:
    """The capabilities that a request makes use of.

    >>> chat = ({"role": "user", "content": [{"type": "image_url"}]},)
    >>> list(needs(Request("m", chat, extra={"n": 2, "response_format": {"type": "text"}})))
    ['several', 'vision']
    """
    extra = request.extra
    if extra.get("n", 1) > 1:
        yield "several"
    if extra.get("tools") or extra.get("functions"):
        yield "tools"
    if _format(extra) not in (None, "text"):
        yield "json_mode"
    if any(map(_has_image, request.messages)):
        yield "vision"


def lacking(request: Request, capabilities: Capabilities) -> str | None:
    """What a model that is known to lack a capability does instead; None if none is known to be missing.

    >>> lacking(Request("m", (), extra={"n": 2}), Capabilities(several=False))
    'gives one answer a request; leave n out and ask several times'
    """
    missing = (LACKS[need] for need in needs(request) if getattr(capabilities, need) is False)
    return next(missing, None)


def _format(extra: Mapping[str, Any]) -> Any:
    wanted = extra.get("response_format")
    return wanted.get("type") if isinstance(wanted, Mapping) else None


def _has_image(message: Mapping[str, Any]) -> bool:
    content = message.get("content")
    parts = content if isinstance(content, list) else []
    return any(isinstance(part, Mapping) and part.get("type") in IMAGES for part in parts)
