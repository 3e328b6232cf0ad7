"""anabranch methods"""

from typing import Literal

from rich.table import Table

from anabranch.commands.answer import Answer
from anabranch.docstrings import first_sentence, stated
from anabranch.routers.registry import ROUTERS
from anabranch.serving.fusion.during.registry import FUSIONS
from anabranch.training.after.registry import AFTER
from anabranch.training.cascades.registry import CASCADES

Stage = Literal["before", "during", "after", "cascade"]

REGISTRIES: dict[Stage, dict[str, str]] = {"before": ROUTERS, "during": FUSIONS, "after": AFTER, "cascade": CASCADES}


def methods(*, stage: Stage | None = None) -> Answer:
    """List the methods there are, with their papers.

    Args:
        stage: only methods of this stage.
    """
    rows = [
        {
            "name": name,
            "stage": of,
            "what": first_sentence(path),
            "source": stated(path, "source"),
            "specification": stated(path, "specification") or "ours",
        }
        for of, registry in REGISTRIES.items()
        for name, path in sorted(registry.items())
        if stage in (None, of)
    ]
    table = Table("name", "stage", "what it does", "source", "known from")
    for row in rows:
        table.add_row(*row.values())
    return Answer(table, rows)
