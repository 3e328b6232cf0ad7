"""Text between tags."""

from hypothesis import given
from hypothesis import strategies as st

from anabranch.serving.quoted import TAGS, quoted


@given(st.lists(st.sampled_from([*TAGS, "<", "</", ">", " ", "\n", "CODE", "x"])).map("".join), st.sampled_from(TAGS))
def test_what_is_quoted_closes_and_opens_none_of_our_tags(text: str, tag: str) -> None:
    shown = quoted(tag, text).lower().replace(" ", "").replace("\n", "")
    for name in TAGS:
        ours = int(name == tag)
        assert (shown.count(f"<{name}>"), shown.count(f"</{name}>")) == (ours, ours)


def test_other_text_stays_as_it_is() -> None:
    text = "if a < b and tasks <<1: print('<b>')"
    assert quoted("code", text) == f"<code>\n{text}\n</code>"
