"""What is checked before anything listens."""

import re
import shutil
from pathlib import Path

import pytest

from anabranch.data.costs import Costs
from anabranch.export.bundle import BundleError
from anabranch.export.export import export_run
from anabranch.serving.offer import Offer, prepare
from anabranch.serving.settings import ServeError, ServeSettings
from anabranch.upstreams.pool import Pool
from anabranch.upstreams.upstream import Usage
from tests.export.conftest import ARMS, make_world

OWN = {"input_cost_per_token": 1e-3, "output_cost_per_token": 2e-3}


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Ridge regression over hashed words; arms large, medium, small; costs from completion tokens."""
    folder = tmp_path_factory.mktemp("world")
    return export_run(make_world(folder, "ridge", options={"width": 32}, usage="completion_tokens").run, folder / "b")


@pytest.fixture(scope="module")
def costless(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A router that knows no costs, under a policy that needs them."""
    folder = tmp_path_factory.mktemp("world")
    return export_run(make_world(folder, "ridge", options={"width": 32}, usage="unknown").run, folder / "b")


def pool(*names: str, priced: bool = False) -> Pool:
    models = [{"name": name, "upstream": "here", "prices": OWN if priced else {}} for name in names]
    return Pool.model_validate({"upstreams": {"here": {"kind": "fake"}}, "models": models})


def offer(bundle: Path | None, models: Pool | None, tradeoff: float | None = None) -> Offer:
    return prepare(ServeSettings(bundle=bundle, pool=models, tradeoff=tradeoff))


def test_a_bundle_routes_among_the_models_of_a_pool(bundle: Path) -> None:
    """The pool may have more models than the bundle arms; without prices of its own those of the training hold."""
    found = offer(bundle, pool(*ARMS, "huge"))
    assert found.router is not None
    assert found.router.arms == ARMS
    assert found.router.tradeoff == 0.75
    assert re.fullmatch("[0-9a-f]{12}", found.bundle)
    assert Costs(found.prices).usd("large", Usage(1, 1)) == pytest.approx(3e-6 + 9e-6)
    assert Costs(found.prices).usd("huge", Usage(1, 1)) is None


def test_the_prices_of_the_pool_hold_for_decisions_and_costs(bundle: Path) -> None:
    found = offer(bundle, pool(*ARMS, priced=True))
    assert found.router is not None
    assert found.router.costing.input_usd == (1e-3, 1e-3, 1e-3)
    assert found.router.costing.output_usd == (2e-3, 2e-3, 2e-3)
    assert Costs(found.prices).usd("large", Usage(1, 1)) == pytest.approx(3e-3)


def test_a_trade_off_of_ones_own(bundle: Path) -> None:
    found = offer(bundle, pool(*ARMS), tradeoff=0.25)
    assert found.router is not None and found.router.tradeoff == 0.25


def test_a_pool_alone_has_no_router() -> None:
    found = offer(None, pool("wren"))
    assert (found.router, found.bundle) == (None, "")


def test_nothing_to_serve() -> None:
    with pytest.raises(ServeError, match="name a bundle, a pool, or both"):
        offer(None, None)


def test_a_trade_off_without_a_bundle() -> None:
    with pytest.raises(ServeError, match=r"tradeoff is 0\.5, but no bundle decides by it"):
        offer(None, pool("wren"), tradeoff=0.5)


def test_a_pool_that_lacks_arms_is_refused(bundle: Path) -> None:
    with pytest.raises(ServeError, match=r"the pool has no model large, small, which .* it has medium, huge"):
        offer(bundle, pool("medium", "huge"))


def test_a_model_that_is_called_auto_is_refused(bundle: Path) -> None:
    with pytest.raises(ServeError, match="called 'auto', which asks for the bundle"):
        offer(bundle, pool(*ARMS, "auto"))


def test_a_router_that_cannot_decide_is_refused(costless: Path) -> None:
    with pytest.raises(ServeError, match="cannot decide: policy 'argmax-utility"):
        offer(costless, pool(*ARMS))
    assert offer(costless, pool(*ARMS), tradeoff=1.0).router is not None


def test_a_broken_bundle_is_refused(bundle: Path, tmp_path: Path) -> None:
    shutil.copytree(bundle, tmp_path / "b")
    (tmp_path / "b" / "router.onnx").write_bytes(b"")
    with pytest.raises(BundleError, match="was damaged or changed"):
        offer(tmp_path / "b", pool(*ARMS))
