"""Which policies are worth having."""

import numpy as np
import pytest

from anabranch.data.replay_table import ReplayTable
from anabranch.routers.deferral.threshold_chain import ThresholdChain
from anabranch.training.cascades.frontier import frontier_of
from anabranch.training.cascades.recipe import Ground

INF = float("inf")


def ground(cost_usd: object) -> Ground:
    table = ReplayTable.from_arrays(
        ["small", "large"],
        quality=[[1, 1], [0, 1], [1, 1], [0, 0]],
        cost_usd=cost_usd,  # type: ignore[arg-type]
        signals={"sure": [[0.9, 0], [0.2, 0], [0.7, 0], [0.4, 0]]},
    )
    return Ground(table, (), None, np.array([1.0, 5.0]), 0)


def chain(level: float) -> ThresholdChain:
    return ThresholdChain((0, 1), (level,), "sure")


def test_what_others_beat_falls_away() -> None:
    """Kept at 0.4 and above, one prompt goes on: quality 3/4 for (4 + 5) / 4 = 2.25; at 0.5 two do, for 3.5, no better.

    Always on costs 6, no better either. Never on has 2/4 for 1.
    """
    stops = frontier_of([chain(INF), chain(0.5), chain(0.4), chain(-INF)], ground([[1, 5]] * 4))
    assert [(stop.policy, stop.quality, stop.cost_usd) for stop in stops] == [
        (chain(-INF), 0.5, 1.0),
        (chain(0.4), 0.75, 2.25),
    ]


def test_without_costs_only_the_best_is_worth_having() -> None:
    stops = frontier_of([chain(-INF), chain(0.4)], ground(None))
    assert [stop.policy for stop in stops] == [chain(0.4)]


def test_no_policy_is_an_error() -> None:
    with pytest.raises(ValueError, match="no policy"):
        frontier_of([], ground(None))
