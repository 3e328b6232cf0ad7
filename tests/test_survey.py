"""docs/survey.md is true: its states, its registry names and its counts."""

import re
from collections import Counter
from pathlib import Path
from typing import NamedTuple

from anabranch.registry import resolve

PAGE = Path(__file__).parents[1] / "docs" / "survey.md"
COLUMNS = ["system", "paper", "idea", "kind", "row", "state"]
KINDS = {"method", "judge", "data builder", "metric", "baseline", "out of scope"}
UNREGISTERED = {"baseline", "metric"}  # nobody types their names, so no registry holds them
LIBRARIES = {
    "ecoassistant": "anabranch.serving.strategies.ecoassistant:EcoAssistant",
    "neural-caching": "anabranch.training.streams.neural_caching:NeuralCache",
}
"""Methods that no command names: a strategy for a gateway of one's own, and a student that learns from a stream."""
STATE = re.compile(r"built|planned|named only|out of scope: \S.*")
COUNTS = re.compile(
    r"The tables hold (\d+) rows: (\d+) built, (\d+) planned, (\d+) named only and (\d+) out of scope\."
)


class Row(NamedTuple):
    section: str
    system: str
    paper: str
    idea: str
    kind: str
    row: str
    state: str


def survey_rows() -> list[Row]:
    """Every table row of the page, in order, with the heading it stands under."""
    section, rows = "", []
    for line in PAGE.read_text(encoding="utf-8").splitlines():
        if line.startswith("## "):
            section = line.removeprefix("## ")
        elif line.startswith("|") and not line.startswith("|---"):
            cells = [cell.strip() for cell in line.strip("|").split("|")]
            assert len(cells) == len(COLUMNS), f"{len(cells)} cells, not {len(COLUMNS)}: {line}"
            if cells != COLUMNS:
                rows.append(Row(section, *cells))
    return rows


def registered(row: Row) -> bool:
    return row.state == "built" and row.kind not in UNREGISTERED


def test_every_row_has_an_allowed_kind_and_state() -> None:
    wrong = [row for row in survey_rows() if row.kind not in KINDS or not STATE.fullmatch(row.state)]
    assert wrong == []


def test_every_row_has_a_name_and_an_idea_of_at_most_14_words() -> None:
    wrong = [row for row in survey_rows() if not row.system or not 1 <= len(row.idea.split()) <= 14]
    assert wrong == []


def test_out_of_scope_kind_is_never_built_or_planned() -> None:
    wrong = [row for row in survey_rows() if row.kind == "out of scope" and row.state in {"built", "planned"}]
    assert wrong == []


def test_names_are_unique_within_a_section() -> None:
    seen = Counter((row.section, row.system.casefold()) for row in survey_rows())
    assert [key for key, count in seen.items() if count > 1] == []


def test_built_rows_and_the_registry_name_each_other() -> None:
    """Every router, cascade and fusion has a system; a system may also be a policy, as not every policy is one."""
    from anabranch.routers.policies.registry import POLICIES
    from anabranch.routers.registry import ROUTERS
    from anabranch.serving.fusion.during.registry import FUSIONS
    from anabranch.training.after.registry import AFTER
    from anabranch.training.cascades.registry import CASCADES

    named = {row.row for row in survey_rows() if registered(row)}
    assert named >= {f"`{name}`" for name in (*ROUTERS, *CASCADES, *FUSIONS, *AFTER)}
    assert named <= {f"`{name}`" for name in (*ROUTERS, *CASCADES, *FUSIONS, *AFTER, *POLICIES, *LIBRARIES)}
    assert all(resolve(name, LIBRARIES, "library") for name in LIBRARIES)


def test_only_built_rows_carry_a_registry_name_in_backticks() -> None:
    wrong = [row for row in survey_rows() if "`" in row.row and not registered(row)]
    assert wrong == []


def test_the_counts_sentence_is_true() -> None:
    """The sentence's five numbers are the table's: all rows, then each state before any colon."""
    states = Counter(row.state.partition(":")[0] for row in survey_rows())
    order = ["built", "planned", "named only", "out of scope"]
    (told,) = COUNTS.findall(PAGE.read_text(encoding="utf-8"))
    assert [int(count) for count in told] == [states.total(), *(states[state] for state in order)]
