from collections.abc import Sequence

import numpy as np
import pytest

from anabranch.routers.costing import Costing
from anabranch.routers.estimates import Estimates
from anabranch.routers.policies.argmax_utility import ArgmaxUtility
from anabranch.routers.policies.policy import Floats
from anabranch.routers.router import Router


def estimate(texts: Sequence[str], tradeoff: Floats | None) -> Estimates[Floats]:
    """Arm 0 is right half the time for 1 USD; arm 1 is right as often as the text has letters of ten, for 2 USD.

    If the trade-off is given, it is the spread.
    """
    quality = np.array([[0.5, len(text) / 10] for text in texts], np.float32).reshape(-1, 2)
    spread = np.zeros_like(quality) if tradeoff is None else np.repeat(tradeoff[:, None], 2, axis=1)
    return Estimates(quality, np.tile(np.array([1.0, 2.0], np.float32), (len(texts), 1)), spread)


def router(tradeoff: float = 1.0, reads_tradeoff: bool = False) -> Router:
    return Router(
        name="example",
        arms=("small", "large"),
        estimate=estimate,
        costing=Costing("cost_usd"),
        policy=ArgmaxUtility(scale_usd=2.0),
        tradeoff=tradeoff,
        quality_kind="calibrated",
        reads_tradeoff=reads_tradeoff,
    )


def test_texts_become_decisions_at_the_routers_own_trade_off() -> None:
    """At t = 1 the better arm: 0.3 and 0.9 against 0.5."""
    assert router().decide(["abc", "abcdefghi"]).arm.tolist() == [0, 1]


def test_another_trade_off_can_be_asked_for_or_set() -> None:
    """At t = 0.5: 0.25 - 0.5 * 1/2 = 0 against 0.45 - 0.5 * 2/2 < 0."""
    assert router().decide(["abcdefghi"], tradeoff=0.5).arm.tolist() == [0]
    cheaper = router().at(0.5)
    assert cheaper.decide(["abcdefghi"]).arm.tolist() == [0]
    assert (cheaper.tradeoff, cheaper.name, router().tradeoff) == (0.5, "example", 1.0)


@pytest.mark.parametrize("tradeoff", [-0.01, 1.01, float("nan")])
def test_a_trade_off_outside_its_range_is_refused(tradeoff: float) -> None:
    with pytest.raises(ValueError, match=rf"tradeoff is {tradeoff}; it must lie in \[0, 1\], 0 = cheapest, 1 = best"):
        router().at(tradeoff)


@pytest.mark.parametrize("tradeoff", [0.0, 1.0])
def test_the_ends_are_within_the_range(tradeoff: float) -> None:
    assert router().at(tradeoff).tradeoff == tradeoff


def test_the_mask_reaches_the_policy() -> None:
    decision = router().decide(["abcdefghi"], mask=np.array([[True, False]]))
    assert decision.arm.tolist() == [0]


@pytest.mark.parametrize(("reads_tradeoff", "spread"), [(False, 0.0), (True, 0.25)])
def test_only_estimators_that_read_the_trade_off_are_given_it(reads_tradeoff: bool, spread: float) -> None:
    estimates, cost_usd = router(reads_tradeoff=reads_tradeoff).estimates(["a", "b"], 0.25)
    assert estimates.spread.tolist() == [[spread, spread]] * 2
    assert cost_usd.tolist() == [[1.0, 2.0]] * 2


def test_no_texts_give_no_decisions() -> None:
    assert router().decide([]).arm.tolist() == []
