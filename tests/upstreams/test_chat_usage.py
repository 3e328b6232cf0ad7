from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anabranch.upstreams.chat_usage import read_usage, usage_body
from anabranch.upstreams.errors import BadUsage
from anabranch.upstreams.upstream import Usage


@pytest.mark.parametrize("usage", [None, {}, [], "3", {"prompt_tokens": 3}, {"total_tokens": 3}])
def test_what_is_not_said_is_not_guessed(usage: object) -> None:
    assert read_usage("x", usage) is None


def test_details() -> None:
    details = {
        "prompt_tokens": 10,
        "completion_tokens": 8,
        "total_tokens": 18,
        "prompt_tokens_details": {"cached_tokens": 4, "cache_creation_tokens": 3},
        "completion_tokens_details": {"reasoning_tokens": 5},
    }
    assert read_usage("x", details) == Usage(10, 8, 4, 3, 5)


def test_details_may_be_null() -> None:
    usage = {"prompt_tokens": 1, "completion_tokens": 0, "total_tokens": None, "prompt_tokens_details": None}
    assert read_usage("x", usage) == Usage(1, 0)


@pytest.mark.parametrize("details", [{}, {"completion_tokens_details": {"reasoning_tokens": 4}}])
def test_hidden_tokens_are_completion(details: dict[str, Any]) -> None:
    """9 in all, 3 of prompt, 2 shown: 4 were not shown, so the completion is 6."""
    usage = {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 9, **details}
    assert read_usage("x", usage) == Usage(3, 6, reasoning_tokens=4)


@pytest.mark.parametrize(
    "wrong",
    [
        {"prompt_tokens": -1},
        {"completion_tokens": 1.5},
        {"completion_tokens": "2"},
        {"prompt_tokens": True},
        {"total_tokens": 4},
        {"prompt_tokens_details": {"cached_tokens": 4}},
        {"prompt_tokens_details": {"cached_tokens": 2, "cache_write_tokens": 2}},
        {"prompt_tokens_details": {"cached_tokens": -1}},
        {"completion_tokens_details": {"reasoning_tokens": 3}},
    ],
)
def test_counts_that_cannot_be_are_refused(wrong: dict[str, Any]) -> None:
    """Against 3 tokens of prompt and 2 of completion."""
    with pytest.raises(BadUsage, match=r"upstream 'x' (counted|sent)"):
        read_usage("x", {"prompt_tokens": 3, "completion_tokens": 2, **wrong})


@given(st.lists(st.integers(0, 10**9), min_size=5, max_size=5))
def test_there_and_back(counts: list[int]) -> None:
    cached, written, prompt, reasoning, shown = counts
    usage = Usage(cached + written + prompt, reasoning + shown, cached, written, reasoning)
    assert read_usage("x", usage_body(usage)) == usage
