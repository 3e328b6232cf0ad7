"""What is checked of a cascade before anything listens; the cascade is that of `tests/export/cascades.py`."""

from pathlib import Path
from typing import Any

import pytest

from anabranch.data.costs import Costs
from anabranch.routers.deferral.automix import AutoMix
from anabranch.routers.deferral.budget_guard import BudgetGuard
from anabranch.routers.deferral.chance import Chance
from anabranch.routers.deferral.deferral import Deferral
from anabranch.routers.deferral.registry import to_plain
from anabranch.routers.deferral.threshold_chain import ThresholdChain
from anabranch.serving.offer import Offer, prepare
from anabranch.serving.settings import ServeError, ServeSettings
from anabranch.upstreams.upstream import Usage
from tests.export.cascades import CHANCE, MODELS, cascade_bundle, cascade_settings
from tests.serving.test_offer import pool

CHAIN = ThresholdChain((0, 1), (0.5,), "chance")


def offer(
    folder: Path, *policies: Deferral, names: tuple[str, ...] = MODELS, priced: bool = True, **given: Any
) -> Offer:
    bundle = cascade_bundle(folder / "birds", cascade_settings(*policies)).folder
    return prepare(ServeSettings(bundle=bundle, pool=pool(*names, priced=priced), **given))


def test_a_cascade_over_the_models_of_a_pool(tmp_path: Path) -> None:
    """Real costs are those of the pool, 0.001 + 0.002 USD; what a call usually costs stays as it was recorded."""
    found = offer(tmp_path, names=(*MODELS, "huge"), timeout_s=2.5, max_completion_tokens=99)
    assert found.plan is not None and found.router is None
    assert (found.plan.tradeoff, len(found.bundle)) == (0.5, 12)
    assert found.plan.usual_cost_usd[:2] == (1.0, 4.0)
    assert Costs(found.prices).usd("owl", Usage(1, 1)) == pytest.approx(3e-3)
    assert (found.timeout_s, found.max_completion_tokens) == (2.5, 99)
    assert found.names == ("auto", *MODELS, "huge")


def test_a_trade_off_of_ones_own_chooses_the_stop(tmp_path: Path) -> None:
    found = offer(tmp_path, tradeoff=1.0)
    assert found.plan is not None
    assert found.plan.policy().models == (2,)


def test_a_pool_that_lacks_a_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ServeError, match=r"the pool has no model jay, owl, which .* may choose; it has wren"):
        offer(tmp_path, names=("wren",))


def test_a_signal_that_serving_cannot_find_out_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ServeError, match="reads the signals verify, which come with recorded answers only"):
        offer(tmp_path, CHAIN, AutoMix((0, 2), (False, True)))


def test_a_budget_needs_prices_and_usual_costs(tmp_path: Path) -> None:
    """What the owl usually costs is not known."""
    kept = BudgetGuard(CHAIN, 5.0)
    assert offer(tmp_path, kept).plan is not None
    with pytest.raises(ServeError, match="keeps a budget, and wren, jay, owl have no price"):
        offer(tmp_path, kept, priced=False)
    with pytest.raises(ServeError, match=r"cannot decide: the expected cost of models \[2\] is unknown"):
        offer(tmp_path, BudgetGuard(ThresholdChain((2,), (), "chance"), 5.0))


def test_a_policy_of_other_models_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ServeError, match=r"cannot decide: a policy calls models \(0, 3\)"):
        offer(tmp_path, ThresholdChain((0, 3), (0.5,), "chance"))


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"answers": "poem"}, "unknown answer kind 'poem'"),
        ({"signals": (to_plain(Chance("chance", "logprob_mean", CHANCE.maps[:2])),)}, "index out of range"),
    ],
)
def test_what_would_fail_with_the_first_answer_is_tried_before(
    tmp_path: Path, change: dict[str, Any], reason: str
) -> None:
    bundle = cascade_bundle(tmp_path / "birds", cascade_settings().model_copy(update=change)).folder
    with pytest.raises(ServeError, match=f"birds cannot decide: .*{reason}"):
        prepare(ServeSettings(bundle=bundle, pool=pool(*MODELS)))


@pytest.mark.parametrize("limit", ["timeout_s", "max_completion_tokens"])
def test_the_limits_of_a_cascade_without_one(limit: str) -> None:
    with pytest.raises(ServeError, match=f"{limit} is 5.*, but no cascade is served"):
        prepare(ServeSettings.model_validate({"pool": pool("wren"), limit: 5}))
