"""What a chat makes use of, and what is known to lack it."""

from typing import Any

import pytest

from anabranch.serving.needs import LACKS, lacking, needs
from anabranch.upstreams.upstream import Capabilities, Request

TOOLS = [{"type": "function", "function": {"name": "f"}}]
IMAGE = [{"type": "text", "text": "what is it?"}, {"type": "image_url", "image_url": {"url": "data:..."}}]


def request(content: Any = "hi", **extra: Any) -> Request:
    return Request("m", ({"role": "user", "content": content},), extra=extra)


@pytest.mark.parametrize(
    ("asked", "wanted"),
    [
        (request(), []),
        (request(n=1, tools=[], response_format={"type": "text"}, temperature=1), []),
        (request(n=2), ["several"]),
        (request(tools=TOOLS), ["tools"]),
        (request(functions=[{"name": "f"}]), ["tools"]),
        (request(response_format={"type": "json_schema"}), ["json_mode"]),
        (request(IMAGE), ["vision"]),
        (request([{"type": "text", "text": "hi"}]), []),
        (request(IMAGE, n=3, tools=TOOLS), ["several", "tools", "vision"]),
    ],
)
def test_what_is_made_use_of(asked: Request, wanted: list[str]) -> None:
    assert list(needs(asked)) == wanted


@pytest.mark.parametrize("need", LACKS)
def test_only_what_is_known_to_be_missing_is_an_obstacle(need: str) -> None:
    asked = {
        "several": request(n=2),
        "tools": request(tools=TOOLS),
        "json_mode": request(response_format={"type": "json_object"}),
        "vision": request(IMAGE),
    }[need]
    assert lacking(asked, Capabilities()) is None
    assert lacking(asked, Capabilities(**{need: True})) is None
    assert lacking(asked, Capabilities(**{need: False})) == LACKS[need]
    assert lacking(request(), Capabilities(**{need: False})) is None
