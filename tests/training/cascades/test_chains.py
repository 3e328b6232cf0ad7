import numpy as np
import pytest

from anabranch.data.replay_table import ReplayTable
from anabranch.training.cascades.chains import best_chains, rising_models
from anabranch.training.replay.chain_fit import fit_chain
from tests.training.cascades.grounds import ground_of, random_ground

NAN = float("nan")


def five() -> ReplayTable:
    """From cheap to dear: wren 0.25, tit 0.5, owl 0.5, rook 0.75, swan 1; the rook is never sure."""
    quality = [[1, 0.5, 0.5, 0.25, 0.75]]
    sure = [[0.5, 0.5, 0.5, 0.5, NAN]]
    return ReplayTable.from_arrays(
        ["swan", "tit", "owl", "wren", "rook"], quality, cost_usd=[[16, 2, 4, 1, 8]], signals={"sure": sure}
    )


def test_models_rise_in_cost_and_quality_and_can_be_sure() -> None:
    """The owl is no better than the cheaper tit, and at the rook no chain could stop."""
    assert rising_models(ground_of(five()), "sure") == (3, 1, 0)
    assert rising_models(ground_of(five()), "sure", 2) == (3, 0)
    with pytest.raises(ValueError, match="at most 1 models never goes on"):
        rising_models(ground_of(five()), "sure", 1)


def test_the_last_model_need_not_be_sure() -> None:
    table = five().with_signal("sure", [[NAN, 0.5, 0.5, 0.5, 0.5]])
    assert rising_models(ground_of(table), "sure") == (3, 1, 4, 0)


def test_under_each_budget_the_best_chain_there_is() -> None:
    """Models cost 1, 4 and 16: for 0.5 there is none, for 8 a longer chain, which has more to choose from."""
    ground = random_ground()
    (found,) = best_chains(ground, [(0,), (0, 1, 2), (1, 2), (2,)], "logprob_mean", [0.5, 8.0])
    assert found == fit_chain(ground.table, (0, 1, 2), "logprob_mean", 8.0).policy
    (alone,) = best_chains(ground, [(2,)], "logprob_mean", [16.0])
    assert (alone.models, alone.thresholds) == ((2,), ())


def test_a_model_that_is_best_and_cheapest_is_a_chain_of_its_own() -> None:
    table = ReplayTable.from_arrays(["owl", "wren"], [[1, 0]], cost_usd=[[1, 2]], signals={"sure": np.ones((1, 2))})
    assert rising_models(ground_of(table), "sure", 3) == (0,)
