import numpy as np
import pytest

from anabranch.data.replay_table import ReplayTable
from anabranch.routers.deferral.threshold_chain import ThresholdChain
from anabranch.training.cascades.evenly import evenly
from anabranch.training.cascades.lineup import alone, lineup
from anabranch.training.cascades.recorded import samples_of
from tests.training.cascades.grounds import ground_of

NAN = float("nan")


def test_from_cheap_to_dear_each_better_than_what_costs_no_more() -> None:
    """Wren 0.25 for 1, tit 0.5 for 2, owl 0.5 for 4, swan 1 for 16; no signal is needed."""
    table = ReplayTable.from_arrays(["swan", "tit", "owl", "wren"], [[1, 0.5, 0.5, 0.25]], cost_usd=[[16, 2, 4, 1]])
    ground = ground_of(table)
    assert (lineup(ground, 4), lineup(ground, 2)) == ((3, 1, 0), (3, 0))
    assert ground.table.signals == {}
    assert alone(3) == ThresholdChain((3,), (), "")


def test_the_fewest_samples_of_any_prompt_count() -> None:
    quality = np.array([[[1, 1, 1], [1, NAN, 1]], [[1, 1, NAN], [1, 1, 1]]])
    ground = ground_of(ReplayTable.from_arrays(["owl", "wren"], quality, cost_usd=np.ones((2, 2, 3))))
    assert (samples_of(ground, (0,)), samples_of(ground, (1, 0), 2)) == (2, 2)
    with pytest.raises(ValueError, match=r"'wren' has 2 answers to some prompt, and 3 to every prompt"):
        samples_of(ground, (1,), 3)


def test_of_many_values_the_last_is_always_there() -> None:
    assert [evenly(range(7), most) for most in (1, 2, 3, 7, 9)] == [[6], [0, 6], [0, 3, 6], [*range(7)], [*range(7)]]
    assert evenly([], 3) == []
