"""What a client cannot be made of; no socket is opened."""

from typing import Any

import pytest

from anabranch.upstreams.openai_compatible import OpenAICompatible


@pytest.mark.parametrize("url", ["api.example.com/v1", "ftp://x/v1", "http://", "https://x/v1?key=1"])
def test_an_address_that_cannot_work(url: str) -> None:
    with pytest.raises(ValueError, match="it must look like https://host/v1"):
        OpenAICompatible("x", url)


def test_credentials_in_the_address_are_refused_and_not_repeated() -> None:
    with pytest.raises(ValueError, match="holds credentials") as caught:
        OpenAICompatible("x", "https://me:secret@host/v1")
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("key", ["", "two words", "line\nend", "schlüssel"])
def test_a_key_that_cannot_work_is_refused_and_not_repeated(key: str) -> None:
    with pytest.raises(ValueError, match="api_key is empty or has blanks") as caught:
        OpenAICompatible("x", "https://host/v1", api_key=key)
    assert key == "" or key not in str(caught.value)


@pytest.mark.parametrize("name", ["concurrency", "requests_per_minute", "read_timeout_s", "total_timeout_s"])
def test_a_limit_that_cannot_work(name: str) -> None:
    options: dict[str, Any] = {name: 0}
    with pytest.raises(ValueError, match=f"{name} is 0; it must be greater than 0"):
        OpenAICompatible("x", "https://host/v1", **options)
