"""anabranch methods"""

from typing import Literal

from rich.table import Table

from anabranch.commands.answer import Answer
from anabranch.docstrings import first_sentence, stated
from anabranch.routers.registry import ROUTERS

Stage = Literal["before", "during", "after", "cascade"]


def methods(*, stage: Stage | None = None) -> Answer:
    """List the methods there are, with their papers.

    Args:
        stage: only methods of this stage.
    """
    rows = [
        {
            "name": name,
            "stage": "before",
            "what": first_sentence(path),
            "source": stated(path, "source"),
            "specification": stated(path, "specification") or "ours",
        }
        for name, path in sorted(ROUTERS.items())
        if stage in (None, "before")
    ]
    table = Table("name", "stage", "what it does", "source", "known from")
    for row in rows:
        table.add_row(*row.values())
    return Answer(table, rows)
