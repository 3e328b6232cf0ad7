from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anabranch.upstreams.local.stop_strings import StopStrings


def said(stops: Sequence[str], pieces: Sequence[str]) -> tuple[str, bool]:
    stop = StopStrings(stops)
    text = "".join([stop.add(piece) for piece in pieces])
    return text + stop.rest(), stop.met


@pytest.mark.parametrize(
    ("stops", "pieces", "text", "met"),
    [
        ([], ["any", "thing"], "anything", False),
        (["END"], ["the END of"], "the ", True),
        (["END"], ["the E", "N", "D of"], "the ", True),
        (["END"], ["the E", "N", "E"], "the ENE", False),
        (["END"], ["the EN"], "the EN", False),
        (["aab"], ["aa", "aab"], "aa", True),
        (["abc", "b"], ["a", "b", "c"], "a", True),
        (["abc", "b"], ["abc"], "a", True),
        (["cd", "bcd"], ["ab", "cd"], "a", True),
    ],
)
def test_a_text_ends_before_the_stop_string_that_is_complete_first(
    stops: list[str], pieces: list[str], text: str, met: bool
) -> None:
    assert said(stops, pieces) == (text, met)


def test_only_what_may_become_a_stop_string_waits() -> None:
    stop = StopStrings(["\n\n", "END"])
    assert [stop.add(piece) for piece in ("a\n", "b", "E", "NE", "N", "D")] == ["a", "\nb", "", "EN", "", ""]
    assert stop.met
    assert stop.add("more") == ""


@given(st.text("ab", max_size=12), st.lists(st.text("ab", min_size=1, max_size=3), max_size=3), st.data())
def test_how_a_text_is_cut_into_pieces_does_not_matter(text: str, stops: list[str], data: st.DataObject) -> None:
    cuts = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=4)))
    pieces = [text[a:b] for a, b in zip([0, *cuts], [*cuts, len(text)], strict=True)]
    assert said(stops, pieces) == said(stops, list(text))
