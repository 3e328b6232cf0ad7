"""Colours and shapes of the charts: told apart by colour-blind readers, and never by colour alone.

Okabe and Ito's palette (2008), without the yellow that vanishes on white and the black that vanishes on dark.
"""

from dataclasses import dataclass

ROUTER_COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9")
MIX = "best mix of single models"
ARM_COLOUR = "#7f8790"
MIX_COLOUR = "#7f8790"
ORACLE_COLOUR = "#b8860b"

_DASHES: tuple[tuple[int, ...], ...] = ((), (6, 2), (2, 2))
# the same shape as matplotlib and as Vega name it
_SHAPES = (("o", "circle"), ("s", "square"), ("^", "triangle-up"), ("D", "diamond"), ("v", "triangle-down"))


@dataclass(frozen=True)
class Look:
    """How a router is drawn.

    Args:
        colour: of its curve and mark.
        marker: its mark as matplotlib calls it.
        shape: the same as Vega calls it.
        dash: lengths of the strokes and gaps of its curve; empty for a solid one.
    """

    colour: str
    marker: str
    shape: str
    dash: tuple[int, ...]


def look(index: int) -> Look:
    """The look of the router at this place in the report; curves differ up to 18 routers, marks up to 30.

    >>> look(0).colour == look(6).colour, look(0).dash, look(6).dash
    (True, (), (6, 2))
    """
    turn, colour = divmod(index, len(ROUTER_COLOURS))
    return Look(ROUTER_COLOURS[colour], *_SHAPES[index % len(_SHAPES)], _DASHES[turn % len(_DASHES)])
