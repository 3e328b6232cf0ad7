"""What requests may cost at most."""

import numpy as np
import pytest

from anabranch.data.collection.bounds import most_prompt_tokens, most_usd
from tests.data.price_tables import TABLE


def test_a_bound_takes_the_dearest_way_and_the_tier_of_the_bound() -> None:
    """rich: 1000 x 2e-6 written to the cache + 10 x 8e-6 reasoned; tiered: above 1000 tokens 3e-6 each."""
    tokens = np.array([1000.0, 1001.0, np.nan])
    assert most_usd(TABLE, "rich", tokens, 10)[0] == pytest.approx(2.08e-3)
    assert most_usd(TABLE, "tiered", tokens, 10)[:2].tolist() == pytest.approx([1.04e-3, 3.043e-3])
    assert np.isnan(most_usd(TABLE, "plain", tokens, 10)[2])


def test_a_chat_has_at_most_so_many_tokens() -> None:
    """A character of 4 bytes may be 4 tokens; what has no text has no bound."""
    one = most_prompt_tokens([{"role": "user", "content": "x"}])
    beaver = most_prompt_tokens([{"role": "user", "content": "🦫"}])
    assert one is not None and beaver == one + 3
    parts = [{"type": "text", "text": "x"}]
    assert most_prompt_tokens([{"role": "user", "content": parts}]) is not None
    parts.append({"type": "input_audio", "data": "..."})
    assert most_prompt_tokens([{"role": "user", "content": parts}]) is None
