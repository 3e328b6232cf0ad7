from hypothesis import given
from hypothesis import strategies as st

from anabranch.training.report.label_places import Box, Place, label_places

CANVAS = Box(0, 0, 400, 300)
POINTS = st.lists(st.tuples(st.integers(0, 400), st.integers(0, 300)), min_size=1, max_size=12)


def box_of(point: tuple[float, float], place: Place, width: float) -> Box:
    """Where the text lands: 10 pixels high, 8 from its point."""
    x, y = point
    left = {1: x + 8 * (not place.y), 0: x - width / 2, -1: x - 8 * (not place.y) - width}[place.x]
    bottom = {1: y + 8, 0: y - 5, -1: y - 18}[place.y]
    return Box(left, bottom, left + width, bottom + 10)


@given(POINTS, st.integers(10, 120))
def test_labels_cover_neither_each_other_nor_points_and_stay_inside(points: list[tuple[int, int]], width: int) -> None:
    places = label_places(points, [width] * len(points), height=10, gap=8, canvas=CANVAS)
    boxes = [box_of(point, place, width) for point, place in zip(points, places, strict=True) if place]
    for i, box in enumerate(boxes):
        assert box.left >= 0 and box.right <= 400 and box.bottom >= 0 and box.top <= 300
        assert not any(box.left < x < box.right and box.bottom < y < box.top for x, y in points)
        for other in boxes[:i]:
            apart = box.right <= other.left or other.right <= box.left
            assert apart or box.top <= other.bottom or other.top <= box.bottom


def test_a_lone_point_has_its_label_at_the_right_unless_a_line_runs_there() -> None:
    assert label_places([(200, 150)], [50], 10, 8, CANVAS) == (Place(1, 0),)
    assert label_places([(200, 150)], [50], 10, 8, CANVAS, lines=[(220, 150)]) == (Place(-1, 0),)


def test_a_label_covers_a_line_where_there_is_no_other_place() -> None:
    """On a canvas as high as the text only the places beside the point are inside, and lines run in both."""
    low = Box(0, 145, 400, 155)
    assert label_places([(200, 150)], [50], 10, 8, low, lines=[(220, 150), (180, 150)]) == (Place(1, 0),)


def test_a_label_that_fits_nowhere_is_left_out() -> None:
    assert label_places([(200, 150)], [500], 10, 8, CANVAS) == (None,)
