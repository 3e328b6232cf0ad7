import logging
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pytest

from anabranch.data.outcomes import Outcomes
from anabranch.routers.policies.risk_controlled import RiskControlled
from anabranch.routers.run import load_run
from anabranch.training.calibrate import Target, refuse_misuse, settle
from anabranch.training.control import control
from anabranch.training.fit import fit
from tests.training.conftest import LabelMaker
from tests.training.ready import ready_router


def table(cost: bool = True) -> tuple[Outcomes, np.ndarray]:
    """200 solvable prompts and 50 that no arm solves; the first arm is the most confident and right 160 times.

    The second arm is right on the other 40, at an estimate of 0.3 for 30 of them and of 0.6 for 10.
    """
    first = np.arange(250) < 160
    second = (np.arange(250) >= 160) & (np.arange(250) < 200)
    quality = np.stack([first, second], axis=1).astype(np.float32)
    estimate = np.stack([np.full(250, 0.9), np.where(np.arange(250) < 190, 0.3, 0.6)], axis=1)
    costs = [[1.0, 5.0]] * 250 if cost else None
    return Outcomes.from_arrays(["first", "second"], quality, cost_usd=costs), estimate


def test_tau_is_the_largest_that_keeps_the_risk() -> None:
    """Of 200 solvable prompts none is lost up to 0.3, 30 above it and 40 above 0.6.

    The bounds of 0, 30 and 40 in 200 at 95 % are 0.015, 0.198 and 0.252 (Clopper and Pearson). Above 0.3 only the 60
    prompts from the 190th on have the second arm in their set: 1.24 arms a set, at 1 + 5 * 0.24 USD.
    """
    outcomes, estimate = table()
    router = ready_router(outcomes, estimate)
    policy, reached = control(router, outcomes, 0.1)
    assert policy == RiskControlled(0.3, True) and (reached.risk, reached.solvable, reached.members) == (0.0, 200, 2.0)
    policy, reached = control(router, outcomes, 0.2)
    assert policy == RiskControlled(0.6, True) and reached.risk == pytest.approx(0.15)
    assert (reached.members, reached.cost_usd) == pytest.approx((1.24, 2.2))
    assert control(router, outcomes, 0.26)[0] == RiskControlled(1.0, True)


def test_a_risk_out_of_reach_calls_every_arm_with_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    """Nothing lost of 200 bounds the risk by 1 - 0.05^(1/200) = 0.0149."""
    outcomes, estimate = table(cost=False)
    with caplog.at_level(logging.WARNING):
        policy, reached = control(ready_router(outcomes, estimate), outcomes, 0.01)
    assert policy == RiskControlled(0.0, False) and not reached.controlled and np.isnan(reached.cost_usd)
    assert "a risk of 0.01 cannot be promised from 200 solvable validation prompts" in caplog.text


def test_a_run_is_trained_to_a_risk_and_loaded_with_it(make_labels: LabelMaker, tmp_path: Path) -> None:
    run = fit(
        make_labels(prompts=600),
        tmp_path / "run",
        "logistic",
        policy="risk-controlled",
        target="risk=0.1",
        encoder="hashing",
        tracker="disabled",
        progress=False,
    )
    policy = load_run(tmp_path / "run").router("r").policy
    assert isinstance(policy, RiskControlled) and policy.controlled and policy.tau > 0
    assert (run.settings.policy.target, run.settings.policy.tradeoff) == ("risk=0.1", 1.0)
    metrics = orjson.loads((tmp_path / "run" / "metrics.json").read_bytes())
    assert metrics["tau"] == policy.tau and metrics["risk"] <= 0.1 and 1 <= metrics["members"] <= 3
    with pytest.raises(ValueError, match=r"policy risk-controlled has no trade-off to set to floor=0\.8"):
        settle(run, run.router("r"), table()[0], table()[0], Target("floor", 0.8))


@pytest.mark.parametrize(
    ("recipe", "options", "words"),
    [
        ("rm-softmax", {"policy": "dual-price"}, "'dual-price' reads estimates as expected quality .* kind 'score'"),
        ("ridge", {"policy": "risk-controlled"}, "has no trade-off to set to best-single: give a target risk=SHARE"),
        ("ridge", {"target": "risk=0.1"}, "policy 'argmax-utility' is not risk-controlled"),
    ],
)
def test_misuse_is_refused_before_any_training(
    recipe: str, options: dict[str, str], words: str, make_labels: LabelMaker, tmp_path: Path
) -> None:
    plain: dict[str, Any] = {"encoder": "hashing", "tracker": "disabled", "progress": False}
    with pytest.raises(ValueError, match=words):
        fit(make_labels(), tmp_path / "run", recipe, **plain | options)
    assert not (tmp_path / "run").exists()


def test_what_does_not_belong_together_is_refused() -> None:
    with pytest.raises(ValueError, match="policy 'cheapest-above' reads estimates as expected quality"):
        refuse_misuse("cheapest-above", "argmax-utility", "score", Target("best-single"))
    with pytest.raises(ValueError, match="policy 'argmax-utility' is not risk-controlled"):
        refuse_misuse("argmax-utility", "argmax-utility", "calibrated", Target("risk", 0.1))


def test_a_recipes_own_policy_knows_its_estimates(make_labels: LabelMaker, tmp_path: Path) -> None:
    """BEST-Route puts a floor under a score, as its paper does; under another recipe's score that is refused above."""
    plain: dict[str, Any] = {"encoder": "hashing", "tracker": "disabled", "progress": False}
    run = fit(make_labels(), tmp_path / "run", "best-route", {"samples": (1,), "epochs": 1}, **plain)
    assert (run.settings.quality_kind, run.settings.policy.name) == ("score", "cheapest-above")
    assert (tmp_path / "run" / "run.json").exists()
