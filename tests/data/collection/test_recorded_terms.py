"""How recorded models were asked."""

from pathlib import Path

import pytest

from anabranch.data.collection.ledger import open_ledger
from anabranch.data.collection.recorded_terms import recorded_terms
from anabranch.data.collection.terms import Terms
from anabranch.data.label_rules import LabelError
from anabranch.upstreams.pool import PoolModel


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two models that were asked alike, and one that was asked for longer answers."""
    ledger = open_ledger(tmp_path / "ledger.sqlite")
    asked = {name: Terms(temperature=0.5, max_tokens=9) for name in ("owl", "wren")} | {"robin": Terms(temperature=0.5)}
    rows = [(name, terms.settings_of(PoolModel(name=name, upstream="x"))) for name, terms in asked.items()]
    with ledger.transaction():
        ledger.execute_many("INSERT INTO models VALUES (?, ?)", rows)
    ledger.close()
    return tmp_path


def test_models_that_were_asked_alike(folder: Path) -> None:
    assert recorded_terms(folder, ["owl", "wren", "heron"]) == Terms(temperature=0.5, max_tokens=9)


def test_what_no_ledger_knows_is_not_known(folder: Path, tmp_path: Path) -> None:
    assert recorded_terms(folder, ["heron"]) is None
    assert recorded_terms(tmp_path / "nowhere", ["owl"]) is None
    assert not (tmp_path / "nowhere").exists()


def test_different_ways_are_refused_with_both(folder: Path) -> None:
    with pytest.raises(LabelError, match=r"asked in different ways.*owl with .*9.*robin with .*null"):
        recorded_terms(folder, ["owl", "robin"])
