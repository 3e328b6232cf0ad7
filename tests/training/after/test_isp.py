import numpy as np
import pytest

from anabranch.data.replay_table import ReplayTable
from anabranch.routers.deferral.fuse_all import FuseAll
from anabranch.routers.deferral.isp import ISP as Fuser
from anabranch.training.after.isp import ISP, fitted
from tests.training.cascades.voters import ground_of_keys, random_voters


def test_the_table_by_hand() -> None:
    """0 and 1 agree on three of four prompts; 2 says something on two, and agrees with 0 on one and with 1 on both.

    There is one sample of each, so what is not known of one with itself is chance, 1/4.
    """
    keys = [[[1], [1], [1]], [[1], [2], [2]], [[2], [2], [-1]], [[1], [1], [-1]]]
    found = fitted(ground_of_keys(keys, [1, 1, 1]).table, 4)
    assert found == Fuser(((0.25, 0.75, 0.5), (0.75, 0.25, 1.0), (0.5, 1.0, 0.25)), 4.0)


def test_no_label_is_read_but_for_the_number_of_answers() -> None:
    table = random_voters(models=3).table
    other = ReplayTable.from_arrays(table.models, 1 - table.quality, cost_usd=table.cost_usd, key=table.key)
    assert fitted(table, 4) == fitted(other, 4)


def test_symmetric_models_get_the_weights_that_theory_says() -> None:
    """K = 3, right on 0.9, 0.7 and 0.5: q = x y + (1 - x)(1 - y) / 2, and 1 + the mean of (3 q - 1) / 4."""
    rng, right_on = np.random.default_rng(0), (0.9, 0.7, 0.5)
    right = rng.random((20_000, 3, 1)) < np.array(right_on)[:, None]
    table = ReplayTable.from_arrays(["a", "b", "c"], right, key=np.where(right, 0, rng.integers(1, 3, right.shape)))
    fuser, voters = fitted(table, 3), {0: 1, 1: 1, 2: 1}
    for model, x in enumerate(right_on):
        rates = [x * y + (1 - x) * (1 - y) / 2 for other, y in enumerate(right_on) if other != model]
        assert fuser.weight(model, voters) == pytest.approx(1 + np.mean([(3 * q - 1) / 4 for q in rates]), abs=0.01)


def test_its_policies_have_this_table() -> None:
    ground = random_voters(models=3)
    fused = [one for one in ISP(choices=5).policies(ground) if isinstance(one, FuseAll)]
    assert {one.fuser for one in fused} == {fitted(ground.table, 5)} and len(fused) > 3
