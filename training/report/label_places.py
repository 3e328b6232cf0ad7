"""Where to write the labels of a chart's points so that none covers another."""

from collections.abc import Sequence
from typing import Literal, NamedTuple

Place = Literal["right", "left", "above", "below"]

_GAP = 8.0  # pixels between a point and its label


class Box(NamedTuple):
    """A rectangle in pixels, y downwards or upwards alike."""

    left: float
    bottom: float
    right: float
    top: float


def label_places(
    points: Sequence[tuple[float, float]],
    widths: Sequence[float],
    height: float,
    canvas: Box,
    taken: Sequence[tuple[float, float]] = (),
) -> tuple[Place | None, ...]:
    """One place a label, the first that is free; None where none is.

    Args:
        points: of the marks, in pixels, y upwards.
        widths: of the labels, in pixels.
        height: of a line of text, in pixels.
        canvas: what labels must stay within.
        taken: other marks that labels must not cover.

    >>> label_places([(50.0, 50.0), (60.0, 50.0)], widths=[40.0, 40.0], height=10.0, canvas=Box(0, 0, 200, 100))
    ('left', 'right')
    """
    marks = [_around(point) for point in (*points, *taken)]
    used: list[Box] = []
    places: list[Place | None] = []
    for point, width in zip(points, widths, strict=True):
        others = [*used, *(mark for mark in marks if mark != _around(point))]
        free = (
            (place, box)
            for place, box in _candidates(point, width, height).items()
            if _within(box, canvas) and not any(_overlap(box, other) for other in others)
        )
        place, box = next(free, (None, None))
        places.append(place)
        used += [box] if box else []
    return tuple(places)


def _candidates(point: tuple[float, float], width: float, height: float) -> dict[Place, Box]:
    x, y = point
    half = height / 2
    return {
        "right": Box(x + _GAP, y - half, x + _GAP + width, y + half),
        "left": Box(x - _GAP - width, y - half, x - _GAP, y + half),
        "above": Box(x - width / 2, y + _GAP, x + width / 2, y + _GAP + height),
        "below": Box(x - width / 2, y - _GAP - height, x + width / 2, y - _GAP),
    }


def _around(point: tuple[float, float]) -> Box:
    x, y = point
    return Box(x - _GAP / 2, y - _GAP / 2, x + _GAP / 2, y + _GAP / 2)


def _within(box: Box, canvas: Box) -> bool:
    return (
        box.left >= canvas.left and box.right <= canvas.right and box.bottom >= canvas.bottom and box.top <= canvas.top
    )


def _overlap(a: Box, b: Box) -> bool:
    return a.left < b.right and b.left < a.right and a.bottom < b.top and b.bottom < a.top
