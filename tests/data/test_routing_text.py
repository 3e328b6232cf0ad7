from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anabranch.data.routing_text import MAX_CHARS, routing_text

Chat = list[dict[str, object]]

LONG_ENOUGH = "Write a poem about the sea in forty characters."


def user(content: object) -> dict[str, object]:
    return {"role": "user", "content": content}


def test_a_string_is_itself() -> None:
    assert routing_text("  What is 1 + 1?\n") == "What is 1 + 1?"


def test_a_prompt_and_the_chat_that_holds_it_are_the_same() -> None:
    assert routing_text([user("Hi  there\n\n\n\nyou")]) == routing_text("Hi  there\n\n\n\nyou")


def test_blanks_collapse_and_line_breaks_stay() -> None:
    assert routing_text("a \t b \r\nc\n \n\n\n d") == "a b\nc\n\n d"


def test_the_system_prompt_and_the_assistant_do_not_count() -> None:
    chat: Chat = [
        {"role": "system", "content": "You are a pirate."},
        user("first question, long enough to stand by itself"),
        {"role": "assistant", "content": "Arr."},
        user(LONG_ENOUGH),
    ]
    assert routing_text(chat) == LONG_ENOUGH


def test_a_tool_result_is_not_the_intent() -> None:
    chat: Chat = [
        user(LONG_ENOUGH),
        {"role": "assistant", "content": None, "tool_calls": [{"id": "1"}]},
        {"role": "tool", "tool_call_id": "1", "content": "42 degrees"},
    ]
    assert routing_text(chat) == LONG_ENOUGH


def test_a_tool_result_in_a_user_turn_is_not_the_intent() -> None:
    result = {"type": "tool_result", "tool_use_id": "1", "content": "42 degrees"}
    assert routing_text([user(LONG_ENOUGH), user([result])]) == LONG_ENOUGH


def test_parts_are_joined_and_images_marked() -> None:
    parts = [
        {"type": "text", "text": "What is on this picture, and who painted it?"},
        {"type": "image_url", "image_url": {"url": "data:..."}},
        "Be brief.",
        {"type": "input_audio", "input_audio": {}},
        {"type": "text", "text": None},
        {"type": "unheard-of"},
        7,
    ]
    expected = "What is on this picture, and who painted it?\n[image]\nBe brief.\n[audio]"
    assert routing_text([user(parts)]) == expected


def test_short_turns_bring_the_turns_before_them() -> None:
    """The last two turns have 7 + 1 + 14 = 22 characters, so the third from the end comes too; no further."""
    chat = [user("never reached"), user(LONG_ENOUGH), user("Shorter"), user("and in French?")]
    assert routing_text(chat) == f"{LONG_ENOUGH}\nShorter\nand in French?"


def test_a_turn_that_only_gives_context_is_shortened() -> None:
    """Of 2,000 characters, 500 are kept: 250 of the head, 7 of the marker, 243 of the tail."""
    chat = [user("h" * 1000 + "t" * 1000), user("and in French?")]
    assert routing_text(chat) == "h" * 250 + "\n[...]\n" + "t" * 243 + "\nand in French?"


def test_turns_without_content_are_skipped() -> None:
    assert routing_text([user(LONG_ENOUGH), user(None), user(""), user([]), {"role": "user"}]) == LONG_ENOUGH


def test_without_user_text_the_system_prompt_is_all_there_is() -> None:
    assert routing_text([{"role": "system", "content": "Say hello."}, user(None)]) == "Say hello."


@pytest.mark.parametrize("nothing", ["", " \n ", [], [user(None)], [{"role": "tool", "content": "x"}]])
def test_no_text_is_an_error(nothing: str | Sequence[dict[str, object]]) -> None:
    with pytest.raises(ValueError, match="no text to route on"):
        routing_text(nothing)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [(["hello"], "message 0 is str; each must be a mapping"), (5, "messages is int; it must be text or a list")],
)
def test_what_is_no_chat_is_named(wrong: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        routing_text(wrong)


def test_long_text_keeps_head_and_tail() -> None:
    """16,000 characters are kept: 4,000 of the head, 7 of the marker and 11,993 of the tail."""
    text = routing_text("h" * 10_000 + "t" * 20_000)

    assert text == "h" * 4_000 + "\n[...]\n" + "t" * 11_993
    assert len(text) == MAX_CHARS


def test_text_of_the_greatest_length_is_whole() -> None:
    assert routing_text("x" * MAX_CHARS) == "x" * MAX_CHARS


def test_every_script_survives() -> None:
    assert routing_text("Wie spät ist es?\u00a0请用中文回答 🌊") == "Wie spät ist es? 请用中文回答 🌊"


@given(st.text(alphabet=st.sampled_from("a \n\t\u2003é"), max_size=200).filter(str.strip), st.integers(1, 400))
def test_routing_text_of_routing_text_is_itself(text: str, times: int) -> None:
    once = routing_text(text * times)
    assert routing_text(once) == once
