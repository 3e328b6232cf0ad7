"""Names of arms, short enough for a table or a chart."""

from collections import Counter
from collections.abc import Sequence


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
