import subprocess
import sys

import numpy as np
import pytest

from anabranch.routers.policies.draws import draws
from anabranch.routers.policies.policy import Situation
from anabranch.routers.policies.random_arm import RandomArm
from tests.routers.policies.arrays import estimates_of

TEXTS = [f"prompt number {number}" for number in range(2000)]


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_arms_share_2000_texts_equally(seed: int) -> None:
    """A fair draw of one arm in four gives each 500 of 2,000 texts, standard deviation sqrt(2000 / 4 * 3 / 4) = 19.4.

    No arm is further off than 4 of them, 78 texts: chance 6e-5 an arm, 2.5e-4 for any of four.
    """
    on = Situation(estimates_of([[0.5] * 4] * 2000), np.full((2000, 4), np.nan), np.ones(2000), u=draws(TEXTS, seed))
    share = np.bincount(RandomArm().decide(on).arm, minlength=4)
    assert np.abs(share - 500).max() <= 78


def test_draws_lie_in_0_to_1_and_differ() -> None:
    """2,000 of 2^53 values: two alike would be a chance of 2e-10."""
    u = draws(TEXTS)
    assert u.dtype == np.float64 and (u >= 0).all() and (u < 1).all() and len(set(u.tolist())) == 2000


def test_a_text_draws_alike_alone_in_any_order_and_again() -> None:
    u = draws(TEXTS[:50])
    assert [draws([text])[0] for text in TEXTS[:50]] == u.tolist()
    assert draws(TEXTS[:50][::-1]).tolist() == u[::-1].tolist()


def test_another_seed_draws_independently() -> None:
    """The correlation of 2,000 independent pairs has a standard error of 1 / sqrt(2000)."""
    assert abs(np.corrcoef(draws(TEXTS), draws(TEXTS, seed=1))[0, 1]) < 4 / np.sqrt(2000)


def test_another_process_draws_alike() -> None:
    """Python's own hash of a text is salted in each process; this one must not be."""
    code = "from anabranch.routers.policies.draws import draws; print(draws(['caf\\u00e9', '']).tolist())"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == str(draws(["café", ""]).tolist())


def test_no_texts_and_broken_texts_draw_too() -> None:
    assert draws([]).shape == (0,)
    assert 0 <= draws(["half an emoji \ud83d"])[0] < 1
