"""Names for tables and charts: of arms, short; of what is compared, so that a cascade is seen to be one."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from anabranch.training.report.contents import Report


def short_names(arms: Sequence[str]) -> dict[str, str]:
    """Each arm's name without its organisation, where that leaves the names different.

    >>> short_names(["mistralai/mixtral", "gpt-4"])
    {'mistralai/mixtral': 'mixtral', 'gpt-4': 'gpt-4'}
    >>> short_names(["a/llama", "b/llama"])
    {'a/llama': 'a/llama', 'b/llama': 'b/llama'}
    """
    last = {arm: arm.rpartition("/")[2] or arm for arm in arms}
    times = Counter(last.values())
    return {arm: name if times[name] == 1 else arm for arm, name in last.items()}


def shortened(row_name: str, arms: Sequence[str]) -> str:
    """The name of a row of the main table, with the arm in it shortened.

    >>> shortened("best single: mistralai/mixtral", ["mistralai/mixtral", "gpt-4"])
    'best single: mixtral'
    """
    role, colon, arm = row_name.rpartition(": ")
    names = short_names(arms)
    return names.get(row_name) or (f"{role}{colon}{names[arm]}" if arm in names else row_name)


def titled(report: Report) -> Report:
    """The report with `(cascade)` behind the name of each cascade, for people; data keep the names as given."""
    return replace(
        report,
        routers=tuple(
            replace(one, row=replace(one.row, name=f"{one.row.name} (cascade)")) if one.row.kind == "cascade" else one
            for one in report.routers
        ),
    )


def kinds_of(report: Report) -> tuple[str, ...]:
    """What is compared: router, cascade or both; router where there is nothing."""
    return tuple(dict.fromkeys(one.row.kind for one in report.routers)) or ("router",)
