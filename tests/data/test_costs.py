"""What answers did cost."""

import pytest

from anabranch.data.costs import Costs
from anabranch.upstreams.upstream import Usage
from tests.data.price_tables import TABLE


@pytest.mark.parametrize("model", ["plain", "rich", "tiered"])
@pytest.mark.parametrize(
    "usage",
    [Usage(100, 50), Usage(100, 50, 40, 30, 20), Usage(1000, 7), Usage(1001, 7), Usage(5000, 9, 4000), Usage(0, 0)],
)
def test_costs_are_those_of_the_table(model: str, usage: Usage) -> None:
    parts = {name: getattr(usage, name) for name in ("cached_tokens", "cache_write_tokens", "reasoning_tokens")}
    expected = TABLE.usd(model, usage.prompt_tokens, usage.completion_tokens, **parts)
    assert Costs(TABLE).usd(model, usage) == pytest.approx(float(expected), rel=1e-12)


@pytest.mark.parametrize("usage", [Usage(10, 5, 11), Usage(10, 5, 6, 6), Usage(10, 5, 0, 0, 6), Usage(-1, 5)])
def test_counts_that_contradict_themselves_have_no_cost(usage: Usage) -> None:
    assert Costs(TABLE).usd("rich", usage) is None
