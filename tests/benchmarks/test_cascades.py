"""What the benchmark of cascade routing asks and counts; never how long it took."""

from anabranch.routers.deferral.cascade_routing import CascadeRouting
from anabranch.routers.deferral.state import Answer, Call
from benchmarks.cascades import belief, decision, states


def test_rows_are_all_sizes_prices_and_stages() -> None:
    """Two sizes, after up to two calls, at two prices: twelve rows; only 11 models have a limit."""
    found = decision((2, 11), (0.0, 0.3), prompts=2, repeats=1)
    assert [(row["models"], row["called"], row["price"]) for row in found["rows"]] == [
        (models, called, price) for models in (2, 11) for called in (0, 1, 2) for price in (0.0, 0.3)
    ]
    assert list(found["goals"]) == ["11_models_under_0.3_ms"]


def test_prompts_ask_for_different_things() -> None:
    """At a middling price not all begin alike, and after one call some are answered and some go on."""
    policy = CascadeRouting(tuple(range(11)), belief(11), lam=0.1)
    assert len({policy.decide(state) for state in states(policy, 0, 30)}) > 2
    assert {type(policy.decide(state)) for state in states(policy, 1, 30)} == {Answer, Call}
