"""Assistants of EcoAssistant that answer from a script; a word is a token, at 1, 4 and 16 USD."""

from collections.abc import Sequence
from typing import Any

from anabranch.serving.code_runner import CodeRunner
from anabranch.serving.strategies.ecoassistant import EcoAssistant
from anabranch.upstreams import errors
from anabranch.upstreams.upstream import Request
from tests.serving.birds import Bird, Say

DONE = "It is 4. TERMINATE"
YES, NO = Say("Yes."), Say("no")


def code(text: str) -> Say:
    return Say(f"Let me see.\n```python\n{text}\n```")


GOOD, BAD = code("print(2 + 2)"), code("1/0")


def flock(judge: Sequence[Say] = (YES,), **scripts: Sequence[Say]) -> dict[str, Bird]:
    """Assistants wren and jay, and the owl who judges; a bird without a script must not be asked."""
    silent = [Say("", breaks=errors.BadRequest("none", "was asked"))]
    return {**{name: Bird(name, scripts.get(name, silent)) for name in ("wren", "jay")}, "owl": Bird("owl", judge)}


def eco(**options: Any) -> EcoAssistant:
    fields: dict[str, Any] = {"assistants": ("wren", "jay"), "judge": "owl", "runner": CodeRunner()}
    return EcoAssistant(**{**fields, **options})


def said(request: Request, place: int = -1) -> str:
    """What a message of a request says."""
    content = request.messages[place]["content"]
    assert isinstance(content, str)
    return content


def models(calls: Any) -> list[str]:
    return [call.model for call in calls.record.calls]
