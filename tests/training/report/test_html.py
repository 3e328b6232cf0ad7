import re
from base64 import b64encode
from dataclasses import replace
from functools import cache
from hashlib import sha256
from html.parser import HTMLParser

import orjson

from anabranch.training.report.contents import Report
from anabranch.training.report.html import script_json, to_html
from anabranch.training.report.json_view import to_json

ATTACK = "</script><script>document.title='pwned'</script><img src=x onerror=alert(1)>"


class Page(HTMLParser):
    """Tags with their attributes, the text people read, and the scripts."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.scripts: list[str] = []
        self.styles: list[str] = []
        self.inside = ""
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self.inside = tag if tag in ("script", "style") else ""

    def handle_endtag(self, tag: str) -> None:
        self.inside = ""

    def handle_data(self, data: str) -> None:
        {"script": self.scripts, "style": self.styles}.get(self.inside, self.texts).append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.texts).split())


@cache
def page(report_json: bytes, html: str) -> Page:
    return Page(html)


def read(report: Report) -> Page:
    return Page(to_html(report))


def attacked(report: Report) -> Report:
    """Every text that comes from outside holds an attack."""
    first = report.routers[0]
    example = replace(first.examples[0], text=ATTACK, task=ATTACK, prompt_id=ATTACK, reason=ATTACK)
    task = replace(first.tasks[0], task=ATTACK)
    routed = replace(first, row=replace(first.row, name=ATTACK), examples=(example,), tasks=(task,))
    return replace(report, labels=ATTACK, notes=(ATTACK,), routers=(routed,))
