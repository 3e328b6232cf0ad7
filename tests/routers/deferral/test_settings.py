"""What is promised of a cascade's stops, and where it holds."""

import json
from typing import Any

import pytest

from anabranch.routers.deferral.plan import Plan, Stop
from anabranch.routers.deferral.settings import CascadeSettings, CertificateSettings
from anabranch.routers.deferral.threshold_chain import ThresholdChain

PROOF = CertificateSettings(against="owl", most_lost=0.02, delta=0.05, prompts=1200, date="2026-11-27", p_value=0.018)
SENTENCE = (
    "Where owl answers better, at most 0.02 of mean quality is lost: 95% sure, from 1,200 prompts, on 2026-11-27."
)
WREN, CHAIN, OWL = (
    ThresholdChain(models, levels, "sure") for models, levels in (((0,), ()), ((0, 1), (0.5,)), ((1,), ()))
)


def settings_of(
    *policies: ThresholdChain, tradeoff: float = 1.0, certified: tuple[ThresholdChain, ...] = (CHAIN,)
) -> Any:
    plan = Plan("p", ("wren", "owl"), tuple(Stop(policy, 0.5, 1.0) for policy in policies), tradeoff=tradeoff)
    facts = {"recipe": "birds", "recipe_settings": {}, "target": "best-single", "routing_text_version": "1"}
    return CascadeSettings.of(plan, dict.fromkeys(certified, PROOF), **facts)


def test_a_certificate_stays_with_the_stop_of_its_policy() -> None:
    settings = settings_of(WREN, CHAIN, OWL)
    assert [stop.certificate for stop in settings.stops] == [None, PROOF, None]
    again = CascadeSettings.model_validate_json(settings.model_dump_json())
    assert again == settings and again.plan("p", {}).stops == settings.plan("p", {}).stops


def test_settings_without_certificates_promise_nothing() -> None:
    """As those written before there were any."""
    written = json.loads(settings_of(WREN, OWL, certified=()).model_dump_json())
    for stop in written["stops"]:
        del stop["certificate"]
    read = CascadeSettings.model_validate(written)
    assert read == settings_of(WREN, OWL, certified=()) and read.promise is None


def test_one_policy_has_its_promise_anywhere_on_the_knob() -> None:
    assert settings_of(CHAIN, tradeoff=0.0).promise == settings_of(CHAIN).promise == SENTENCE


@pytest.mark.parametrize("tradeoff", [0.25, 0.5, 0.7])
def test_near_its_stop_the_promise_holds(tradeoff: float) -> None:
    """Stops lie at 0, 1/2 and 1; a quarter is the second's."""
    assert settings_of(WREN, CHAIN, OWL, tradeoff=tradeoff).promise == f"At trade-off 0.5: {SENTENCE}"


@pytest.mark.parametrize("tradeoff", [0.0, 0.24, 0.75, 1.0])
def test_off_its_stop_it_does_not(tradeoff: float) -> None:
    promise = settings_of(WREN, CHAIN, OWL, tradeoff=tradeoff).promise
    assert promise == f"Nothing is promised at trade-off {tradeoff:g}. At trade-off 0.5: {SENTENCE}"


def test_moving_the_knob_moves_no_certificate() -> None:
    """As `calibrate` moves it."""
    moved = settings_of(WREN, CHAIN, OWL, tradeoff=0.5).model_copy(update={"tradeoff": 1.0})
    assert moved == settings_of(WREN, CHAIN, OWL, tradeoff=1.0)
    assert moved.promise is not None and moved.promise.startswith("Nothing is promised at trade-off 1.")


@pytest.mark.parametrize(("delta", "sure"), [(0.05, "95%"), (0.1, "90%"), (0.001, "99.9%")])
def test_how_sure_it_is(delta: float, sure: str) -> None:
    assert f"{sure} sure" in PROOF.model_copy(update={"delta": delta}).sentence
