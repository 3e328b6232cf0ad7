"""What a command answers: something for a person, and the same for a machine."""

from dataclasses import dataclass
from typing import Any

from rich.console import RenderableType


@dataclass(frozen=True)
class Answer:
    """A command's answer.

    Args:
        shown: what a person reads; None if it was shown as it came.
        data: what `--json` prints, JSON values.
        exit_code: of the process; 0 if the command did what it was asked to.
    """

    shown: RenderableType | None
    data: Any
    exit_code: int = 0
