from pathlib import Path

import numpy as np
import pytest
import torch

from anabranch.routers.estimates import Estimates
from anabranch.routers.estimators.zero import Zero
from anabranch.routers.policies.argmax_utility import ArgmaxUtility
from anabranch.routers.policies.policy import Situation
from tests.contract.rows import learn
from tests.contract.worlds import cost_world
from tests.routers.estimators.batches import NAN, batch_of, fitted


def test_every_prompt_has_the_means_of_the_arms() -> None:
    """(1 + 0 + 0 + 1) / 4 and 1/2 of two known cells; usage (2 + 4) / 2 and 7."""
    table = batch_of(
        [[1.0], [2.0], [3.0], [4.0]],
        [[1.0, NAN], [0.0, 1.0], [0.0, 0.0], [1.0, NAN]],
        usage=[[2.0, 7.0], [4.0, NAN], [NAN, NAN], [NAN, NAN]],
    )
    found = fitted(Zero(1, 2), table)(torch.tensor([[1.0], [-50.0]]))
    assert found.quality.tolist() == [[0.5, 0.5]] * 2
    assert found.usage.tolist() == [[3.0, 7.0]] * 2


def test_spread_is_the_standard_error_of_the_mean() -> None:
    """Four cells, standard deviation 1/2: 0.5 / sqrt(4); two cells: 0.5 / sqrt(2)."""
    table = batch_of([[0.0]] * 4, [[1.0, NAN], [0.0, 1.0], [0.0, 0.0], [1.0, NAN]])
    spread = fitted(Zero(1, 2), table)(torch.zeros(1, 1)).spread
    assert spread[0].tolist() == pytest.approx([0.25, 0.5 / 2**0.5])


def test_an_arm_that_was_never_tried_is_as_good_as_the_others_on_average() -> None:
    found = fitted(Zero(1, 3), batch_of([[0.0], [0.0]], [[1.0, 0.5, NAN], [0.0, 0.5, NAN]]))(torch.zeros(1, 1))
    assert found.quality[0].tolist() == [0.5, 0.5, 0.5] and found.spread[0, 2].item() == 0.0


@pytest.mark.parametrize("seed", [0, 1, 2, 3, 4])
def test_its_policy_answers_with_the_best_single_arm(seed: int, tmp_path: Path) -> None:
    """Which headroom counts from: exactly 0 of it is recovered."""
    learnt = learn("zero", cost_world(seed=seed), tmp_path)
    assert learnt.world.headroom_recovered(learnt.choices()) == pytest.approx(0.0, abs=1e-12)


def test_at_trade_off_0_the_cheapest_arm_answers_and_at_1_the_best() -> None:
    """Means 0.5 and 1 at usage 1 and 3; the policy's scale is the priciest mean, 3."""
    table = batch_of([[0.0], [0.0]], [[1.0, 1.0], [0.0, 1.0]], usage=[[1.0, 3.0], [1.0, 3.0]])
    with torch.inference_mode():
        found = Estimates(*(part.numpy() for part in fitted(Zero(1, 2), table)(torch.zeros(2, 1))))
    cost_usd = found.usage.astype(np.float64)
    policy = ArgmaxUtility().fitted(found, cost_usd)
    assert policy.decide(Situation(found, cost_usd, np.array([0.0, 1.0]))).arm.tolist() == [0, 1]
