"""anabranch inspect"""

from pathlib import Path

from rich.pretty import Pretty

from anabranch.commands.answer import Answer
from anabranch.export.inspect import inspect_bundle


def inspect(bundle: Path) -> Answer:
    """Check a bundle's hashes and say what is inside.

    Args:
        bundle: bundle folder.
    """
    summary = inspect_bundle(bundle)
    return Answer(Pretty(summary, expand_all=True), summary)
