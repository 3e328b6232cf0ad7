"""Colours and shapes of the charts: told apart by colour-blind readers, and never by colour alone.

Okabe and Ito's palette (2008), without the yellow that vanishes on white and the black that vanishes on dark.
"""

from dataclasses import dataclass

ROUTER_COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9")
ARM_COLOUR = "#7f8790"
MIX_COLOUR = "#7f8790"
ORACLE_COLOUR = "#b8860b"

# the same shape as matplotlib and as Vega name it
_SHAPES = (("o", "circle"), ("s", "square"), ("^", "triangle-up"), ("D", "diamond"), ("v", "triangle-down"))


@dataclass(frozen=True)
class Look:
    """How a router is drawn: colour, and its mark as matplotlib and as Vega call it."""

    colour: str
    marker: str
    shape: str


def look(index: int) -> Look:
    """The look of the router at this place in the report; 30 differ.

    >>> len({look(index) for index in range(30)})
    30
    """
    return Look(ROUTER_COLOURS[index % len(ROUTER_COLOURS)], *_SHAPES[index % len(_SHAPES)])
