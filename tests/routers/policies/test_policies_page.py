"""docs/policies.md is true: it names every policy, and its example prints what it shows."""

import doctest
import re
from pathlib import Path

from anabranch.routers.policies.registry import CALIBRATED_ONLY, POLICIES, load_policy

PAGE = (Path(__file__).parents[3] / "docs" / "policies.md").read_text(encoding="utf-8")


def test_the_table_has_every_policy_and_what_it_needs() -> None:
    """Each row ends in whether costs are needed and which estimates."""
    rows = re.findall(r"^\| `([\w-]+)` \|.*\| (\w[\w ]*) \| (\w+) \|$", PAGE, re.MULTILINE)
    assert {name for name, _, _ in rows} == set(POLICIES)
    assert {name for name, costs, _ in rows if costs != "never"} == {
        name for name in POLICIES if load_policy(name, {}).needs_cost
    }
    assert {name for name, _, estimates in rows if estimates == "quality"} == set(CALIBRATED_ONLY)


def test_the_example_prints_what_it_shows() -> None:
    (code,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    example = doctest.DocTestParser().get_doctest(code, {}, "policies.md", None, None)
    found = doctest.DocTestRunner().run(example)
    assert found.attempted == 12 and found.failed == 0
