"""The code of an answer: its Python blocks."""

import re
from collections.abc import Iterator

LANGUAGES = ("python", "python3", "py")

_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})[ \t]*([^`\s]*)[^`]*$")


def code_of(text: str) -> str:
    """All fenced blocks that say they are Python, joined in their order; empty if there is none.

    They are joined because models define in one block what they use in the next. A block that is not closed was cut
    off, and is left out; so is one that does not say its language, which is as often output as code.

    >>> print(code_of("First\\n```python\\na = 1\\n```\\nthen\\n```py\\nprint(a)\\n```\\ngives\\n```\\n1\\n```"))
    a = 1
    <BLANKLINE>
    print(a)
    """
    return "\n\n".join(body for language, body in _blocks(text) if language in LANGUAGES)


def _blocks(text: str) -> Iterator[tuple[str, str]]:
    """Language in lower case and body of every closed block."""
    fence, language, body = "", "", list[str]()
    # splitlines() would also break at form feeds and the like, which strings of Python may hold
    for line in text.replace("\r\n", "\n").split("\n"):
        found = _FENCE.match(line)
        if not fence:
            if found is not None:
                fence, language, body = found[1], found[2].lower(), []
        elif found is not None and found[1].startswith(fence) and not line.strip(" \t" + fence[0]):
            yield language, "\n".join(body)
            fence = ""
        else:
            body.append(line)
