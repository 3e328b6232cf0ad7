"""The shipped pool is worth routing: every figure recomputed from the frozen weights and prompts."""

import json
import subprocess
import sys
from typing import Any

import pytest

from anabranch.upstreams.pocket.members import MEMBERS

pytestmark = pytest.mark.slow

ROUTER, LOOKUP = "logistic on n-grams", "task lookup"


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Any:
    command = [sys.executable, "-m", "anabranch", "pocket", "table", "--json"]
    done = subprocess.run(command, cwd=tmp_path_factory.mktemp("table"), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_the_best_single_model_leaves_much_to_the_oracle(table: Any) -> None:
    best = table["quality"][table["best_single"]]
    assert table["prompts"] == 2000
    assert best["low"] >= 0.45 and best["high"] <= 0.75
    assert table["quality"]["oracle"]["value"] - best["value"] >= 0.15


def test_several_models_are_each_best_on_some_family_and_the_dearest_not_on_all(table: Any) -> None:
    winners = {max(row, key=row.__getitem__) for row in table["tasks"].values()}
    dearest = max(MEMBERS, key=lambda name: MEMBERS[name].usd_per_mtok)
    assert len(winners) >= 3
    assert any(row[dearest] < max(row.values()) for row in table["tasks"].values())


def test_inside_families_the_best_model_depends_on_the_prompt(table: Any) -> None:
    """Kinds of one family whose best models differ, each ahead of the other's by 0.2 or more."""
    depends = set()
    for family in table["tasks"]:
        rows = [row for name, row in table["kinds"].items() if name.startswith(f"{family}/")]
        for one in rows:
            for other in rows:
                a, b = max(one, key=one.__getitem__), max(other, key=other.__getitem__)
                if one[a] - one[b] >= 0.2 and other[b] - other[a] >= 0.2:
                    depends.add(family)
    assert len(depends) >= 3


def test_a_lookup_by_family_is_not_enough_and_a_router_learns_the_rest(table: Any) -> None:
    assert table["recovered"][LOOKUP]["value"] <= 0.6
    assert table["beyond_lookup"][ROUTER]["low"] > 0


def test_the_costs_are_those_of_the_models_own_tokens(table: Any) -> None:
    assert list(table["cost_usd"]) == list(MEMBERS)
    assert max(table["cost_usd"], key=table["cost_usd"].__getitem__) == "pocket-owl"
    assert min(table["cost_usd"].values()) > 0
