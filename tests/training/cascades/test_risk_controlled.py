import logging
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest

from anabranch.data.replay_table import ReplayTable
from anabranch.routers.deferral.settings import CertificateSettings
from anabranch.training.cascades.certificates import certificates_of
from anabranch.training.cascades.confidence import Confidence
from anabranch.training.cascades.frontier import frontier_of
from anabranch.training.cascades.risk_controlled import RiskControlled
from anabranch.training.replay.post_hoc import folds_of
from tests.training.cascades.grounds import ground_of, random_ground


def sure_half(prompts: int) -> ReplayTable:
    """The small model is right on the half where it is sure, the large one always; calls cost 1 and 4."""
    sure = np.arange(prompts) % 2
    return ReplayTable.from_arrays(
        ["small", "large"],
        np.stack([sure, np.ones(prompts)], axis=1),
        cost_usd=[[1, 4]] * prompts,
        signals={"logprob_mean": np.stack([sure - 1.0, np.zeros(prompts)], axis=1)},
    )


def test_a_chain_that_loses_nothing_is_certified(caplog: pytest.LogCaptureFixture) -> None:
    """200 prompts certify: 0.98 ** 200 = 0.018, under 0.05. Going on with the unsure half costs 1 + 4 / 2 = 3."""
    recipe = RiskControlled()
    ground = recipe.learn(ground_of(sure_half(400)))
    with caplog.at_level(logging.INFO):
        (stop,) = frontier_of(recipe.policies(ground), ground)
    assert (stop.policy.models, stop.quality, stop.cost_usd) == ((0, 1), 1.0, 3.0)
    found = recipe.certified(ground)
    assert (found.policy, found.lost, found.certificate.prompts) == (stop.policy, 0.0, 200)
    assert "small > large: policy" in caplog.text and "95% sure, from 200 prompts" in caplog.text


def test_too_few_prompts_leave_the_best_model_alone(caplog: pytest.LogCaptureFixture) -> None:
    """100 prompts without a loss show no less than 0.98 ** 100 = 0.13 of one of 0.02."""
    recipe = RiskControlled()
    ground = recipe.learn(ground_of(sure_half(200)))
    (stop,) = frontier_of(recipe.policies(ground), ground)
    assert (stop.policy.models, stop.cost_usd) == ((1,), 4.0)
    assert "nothing could be certified" in caplog.text


def test_what_is_promised_stays_with_the_policy() -> None:
    """The p-value of no loss at all among 200 is 0.98 ** 200."""
    recipe = RiskControlled()
    ground = recipe.learn(ground_of(sure_half(400)))
    ((policy, made),) = recipe.certificates(ground, "2026-11-27").items()
    assert [policy] == list(recipe.policies(ground))
    assert made.p_value == pytest.approx(0.98**200)
    assert made == CertificateSettings(
        against="large", most_lost=0.02, delta=0.05, prompts=200, date="2026-11-27", p_value=made.p_value
    )


def test_the_best_model_alone_loses_nothing_by_definition() -> None:
    """No test shows it; what could not be certified is said."""
    recipe = RiskControlled()
    ground = recipe.learn(ground_of(sure_half(200)))
    (made,) = recipe.certificates(ground, "2026-11-27").values()
    assert (made.p_value, made.prompts) == (None, 100)
    assert made.sentence == (
        "Nothing is lost against large, which answers alone: no cheaper chain was certified to lose at most 0.02 "
        "(95% sure, from 100 prompts, on 2026-11-27)."
    )


def test_only_recipes_that_certify_promise() -> None:
    """As of today; the others nothing."""
    ground = RiskControlled().learn(ground_of(sure_half(400)))
    before = datetime.now(UTC).date().isoformat()
    (made,) = certificates_of(RiskControlled(), ground).values()
    assert before <= made.date <= datetime.now(UTC).date().isoformat()
    assert certificates_of(Confidence(), ground) == {}


def test_the_half_that_certifies_chooses_nothing() -> None:
    """Were its answers all wrong, chances would be the same; and as nothing is lost then, all levels are certified."""
    recipe, ground = RiskControlled(rungs=5), random_ground(prompts=400)
    certifies = folds_of(ground.table.texts, 2, ground.seed) == 1
    spoilt = np.where(certifies[:, None, None], 0.0, ground.table.quality).astype(np.float32)
    one, other = (recipe.learn(each) for each in (ground, replace(ground, table=replace(ground.table, quality=spoilt))))
    assert one.signals == other.signals
    np.testing.assert_array_equal(one.table.signals["chance"], other.table.signals["chance"])
    assert len(recipe.certified(one).certificate.certified) < len(recipe.certified(other).certificate.certified)


def test_a_promise_about_the_cheapest_model_is_none() -> None:
    table = ReplayTable.from_arrays(
        ["owl", "wren"], [[1, 0]] * 20, cost_usd=[[1, 2]] * 20, signals={"logprob_mean": np.zeros((20, 2))}
    )
    recipe = RiskControlled()
    with pytest.raises(ValueError, match="'owl' is the best model, and none that is cheaper can be sure"):
        list(recipe.policies(recipe.learn(ground_of(table))))
