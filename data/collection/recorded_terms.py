"""How the models of a label set were asked, as its ledger knows it."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import orjson

from anabranch.data.collection.ledger import read_ledger
from anabranch.data.collection.terms import Terms
from anabranch.data.label_rules import LabelError


def recorded_terms(folder: Path, models: Sequence[str]) -> Terms | None:
    """How these models were asked; None if the folder has no ledger that knows one of them.

    Args:
        folder: of a label set.
        models: as the label set calls them.

    Raises:
        LabelError: they were asked in different ways.
        LedgerError: the ledger cannot be read.
    """
    recorded = dict(read_ledger(folder / "ledger.sqlite").execute("SELECT model, settings FROM models"))
    found = {name: _terms(orjson.loads(recorded[name])) for name in models if name in recorded}
    ways = set(found.values())
    if len(ways) > 1:
        told = "; ".join(f"{name} with {recorded[name]}" for name in found)
        raise LabelError(f"the models of {folder} were asked in different ways, a new one can be in one only: {told}")
    return ways.pop() if ways else None


def _terms(settings: dict[str, Any]) -> Terms:
    return Terms(temperature=settings["temperature"], max_tokens=settings["max_tokens"])
