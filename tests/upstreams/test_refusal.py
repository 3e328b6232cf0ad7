from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anabranch.upstreams import errors
from anabranch.upstreams.refusal import kind_of, quotable, refusal, repeats
from anabranch.upstreams.upstream import Request

KEY = "sk-proj-0123456789abcdef"
PROMPT = "my grandmother has an unusual illness"
REQUEST = Request("tiny", ({"role": "user", "content": [{"type": "text", "text": PROMPT}]},), extra={"user": "Ada"})


@pytest.mark.parametrize(
    ("status", "error", "kind"),
    [
        (400, {}, errors.BadRequest),
        (401, {}, errors.Unauthorised),
        (403, {}, errors.Unauthorised),
        (404, {}, errors.UnknownModel),
        (400, {"code": "model_not_found"}, errors.UnknownModel),
        (400, {"code": "context_length_exceeded"}, errors.ContextTooLong),
        (400, {"type": "exceed_context_size_error"}, errors.ContextTooLong),
        (400, {"message": "This model's maximum context length is 4096 tokens"}, errors.ContextTooLong),
        (413, {}, errors.ContextTooLong),
        (422, {}, errors.BadRequest),
        (408, {}, errors.TimedOut),
        (504, {}, errors.TimedOut),
        (429, {}, errors.RateLimited),
        (500, {}, errors.Overloaded),
        (529, {}, errors.Overloaded),
        (302, {}, errors.BadReply),
        (200, {"type": "server_error"}, errors.Overloaded),
        (200, {"code": "rate_limit_exceeded"}, errors.RateLimited),
        (200, {"code": ["odd"]}, errors.BadReply),
    ],
)
def test_kind_by_status_and_name(status: int, error: dict[str, Any], kind: type[errors.UpstreamError]) -> None:
    assert kind_of(status, error) is kind


def test_the_message_is_passed_on_in_200_characters() -> None:
    assert quotable("a\n b" * 100, REQUEST, KEY) == ("a b" * 100)[:200]


@pytest.mark.parametrize("message", [None, 3, {"text": "no"}, ""])
def test_a_message_that_is_no_text_is_left_out(message: object) -> None:
    assert str(refusal("x", REQUEST, KEY, 500, {"message": message})) == (
        "upstream 'x' answered 500 to model 'tiny'; try later or fall back to another upstream"
    )


@pytest.mark.parametrize(
    "message", [f"cannot parse {PROMPT!r}", "near 'has an unusual'", f"key {KEY}", "key ending in 89abcdef", "user Ada"]
)
def test_a_message_that_repeats_prompt_or_key_is_left_out(message: str) -> None:
    assert quotable(message, REQUEST, KEY) == ""


@pytest.mark.parametrize("secret", ["Bearer abc.def", "sk-other-key", "ab****yz", "qwertyuiop" * 4])
def test_what_looks_like_a_key_is_removed(secret: str) -> None:
    assert quotable(f"not {secret} please", REQUEST, KEY) == "not [removed] please"


def test_a_refused_key_says_nothing_of_what_the_upstream_said() -> None:
    assert "wrong" not in str(refusal("x", REQUEST, None, 401, {"message": "wrong key: secret"}))


@given(st.text(min_size=1, max_size=40), st.integers(0, 40), st.text(max_size=10), st.text(max_size=10))
def test_twelve_characters_in_a_row_never_pass(text: str, start: int, before: str, after: str) -> None:
    fragment = text[start : start + 12]
    if len(fragment) == 12:
        assert repeats(before + fragment + after, text, 12)
