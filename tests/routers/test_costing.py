import numpy as np
import pytest

from anabranch.routers.costing import Costing

TOKENS = Costing(
    "completion_tokens",
    input_usd=(1e-6, 5e-6),
    output_usd=(2e-6, 15e-6),
    tokens_per_char=(0.25, 0.5),
    price_date="2026-01-01",
)


def test_tokens_become_usd_at_the_prices() -> None:
    """400 characters are 100 and 200 prompt tokens: 100 * 1 + 50 * 2 and 200 * 5 + 10 * 15 millionths.

    No characters at all: 50 * 2 and 10 * 15.
    """
    usd = TOKENS.usd(np.array([[50.0, 10.0], [50.0, 10.0]], np.float32), ["x" * 400, ""])
    np.testing.assert_allclose(usd, [[200e-6, 1150e-6], [100e-6, 150e-6]])
    assert usd.dtype == np.float64


def test_recorded_usd_is_taken_as_it_is() -> None:
    usd = Costing("cost_usd").usd(np.array([[0.5, 0.25]]), ["whatever"])
    assert usd.tolist() == [[0.5, 0.25]]


def test_unknown_usage_is_an_unknown_cost() -> None:
    assert np.isnan(Costing("unknown").usd(np.array([[0.0, 1.0]]), ["x"])).all()


@pytest.mark.parametrize("costing", [TOKENS, Costing("cost_usd")], ids=["tokens", "usd"])
def test_a_cell_that_is_unknown_stays_unknown(costing: Costing) -> None:
    usd = costing.usd(np.array([[np.nan, 1.0]]), ["x"])
    assert np.isnan(usd).tolist() == [[True, False]]


def test_usage_below_0_costs_nothing() -> None:
    """An estimate may fall short of 0; nobody is paid for being asked."""
    assert Costing("cost_usd").usd(np.array([[-0.5]]), ["x"]).tolist() == [[0.0]]
    assert TOKENS.usd(np.array([[-9.0, -9.0]]), [""]).tolist() == [[0.0, 0.0]]


@pytest.mark.parametrize(("kind", "reprices"), [("completion_tokens", True), ("cost_usd", False), ("unknown", False)])
def test_only_tokens_can_be_repriced(kind: str, reprices: bool) -> None:
    assert Costing(kind).reprices is reprices  # type: ignore[arg-type]
