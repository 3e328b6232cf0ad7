import re
from typing import Any

import pytest

from anabranch.training.streams.settings import CacheSettings


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"budget": -1}, "budget is -1; it must be at least 0"),
        ({"retrain_every": 0}, "retrain_every is 0; it must be at least 1"),
        ({"committee": 0}, "committee is 0"),
        ({"length": 0}, "length is 0"),
        ({"explore": 1.0}, "explore is 1.0"),
        ({"penalty": 0.0}, "penalty is 0.0"),
        ({"penalty": float("nan")}, "penalty is nan"),
        ({"rule": "margins"}, "unknown rule 'margins'; known: committee, coreset"),
        ({"length": None}, "the rule 'margin' needs a threshold h, or the stream's length"),
    ],
)
def test_what_cannot_be_is_refused(given: dict[str, Any], says: str) -> None:
    with pytest.raises(ValueError, match=re.escape(says)):
        CacheSettings(**{"budget": 10, "length": 20, **given})


def test_front_loading_needs_neither_threshold_nor_length() -> None:
    assert CacheSettings(budget=5, rule="front-loading").h is None
