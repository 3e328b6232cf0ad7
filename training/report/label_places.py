"""Where to write the labels of a chart's points so that none covers another."""

from collections.abc import Sequence
from typing import NamedTuple


class Place(NamedTuple):
    """Where a label lies seen from its point: x is -1 left, 0 centred, 1 right; y is -1 below, 0 beside, 1 above."""

    x: int
    y: int


PLACES = tuple(Place(x, y) for x, y in ((1, 0), (-1, 0), (0, 1), (0, -1), (1, 1), (-1, 1), (1, -1), (-1, -1)))


class Box(NamedTuple):
    """A rectangle in pixels, y upwards."""

    left: float
    bottom: float
    right: float
    top: float


def label_places(
    points: Sequence[tuple[float, float]],
    widths: Sequence[float],
    height: float,
    gap: float,
    canvas: Box,
    taken: Sequence[tuple[float, float]] = (),
    lines: Sequence[tuple[float, float]] = (),
) -> tuple[Place | None, ...]:
    """One place a label, the first that is free, clear of lines if one is; None where none is.

    Args:
        points: of the marks, in pixels, y upwards.
        widths: of the labels, in pixels.
        height: of a line of text, in pixels.
        gap: between a point and its label, in pixels.
        canvas: what labels must stay within.
        taken: other marks that labels must not cover.
        lines: points of lines that labels had better not cover.

    >>> label_places([(50.0, 50.0), (60.0, 50.0)], [40.0, 40.0], height=10.0, gap=8.0, canvas=Box(0, 0, 200, 100))
    (Place(x=-1, y=0), Place(x=1, y=0))
    """
    marks = [_around(point, gap) for point in (*points, *taken)]
    used: list[Box] = []
    places: list[Place | None] = []
    for point, width in zip(points, widths, strict=True):
        others = [*used, *(mark for mark in marks if mark != _around(point, gap))]
        boxes = ((place, _box(point, place, width, height, gap)) for place in PLACES)
        free = [
            (place, box)
            for place, box in boxes
            if _within(box, canvas) and not any(_overlap(box, other) for other in others)
        ]
        clear = [(place, box) for place, box in free if not any(_holds(box, at) for at in lines)]
        place, box = next(iter(clear or free), (None, None))
        places.append(place)
        used += [box] if box else []
    return tuple(places)


def _box(point: tuple[float, float], place: Place, width: float, height: float, gap: float) -> Box:
    """The label's rectangle; on a diagonal it starts at the point, not beside it."""
    x, y = point
    near = 0.0 if place.y else gap
    left = {1: x + near, 0: x - width / 2, -1: x - near - width}[place.x]
    bottom = {1: y + gap, 0: y - height / 2, -1: y - gap - height}[place.y]
    return Box(left, bottom, left + width, bottom + height)


def _around(point: tuple[float, float], gap: float) -> Box:
    x, y = point
    half = gap / 2
    return Box(x - half, y - half, x + half, y + half)


def _within(box: Box, canvas: Box) -> bool:
    return (
        box.left >= canvas.left and box.right <= canvas.right and box.bottom >= canvas.bottom and box.top <= canvas.top
    )


def _overlap(a: Box, b: Box) -> bool:
    return a.left < b.right and b.left < a.right and a.bottom < b.top and b.bottom < a.top


def _holds(box: Box, point: tuple[float, float]) -> bool:
    return box.left <= point[0] <= box.right and box.bottom <= point[1] <= box.top
