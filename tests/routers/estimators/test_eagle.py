"""Arm 0 won the one vote at (1, 0); arm 1 won both votes at (0, 1).

Global odds of arm 0 are 1 to 2, so a global strength of -ln 2 / 2 and +ln 2 / 2, and one imagined vote between the
two is 1/3 to 2/3. Local odds at (1, 0) are 1 + 1/3 to 2/3 = 2 to 1; at (0, 1) they are 1/3 to 2 + 2/3 = 1 to 8.
"""

from math import log, sqrt
from typing import Any

import pytest
import torch

from anabranch.routers.estimators.eagle import Eagle
from tests.routers.estimators.batches import batch_of, fitted

WINS = torch.tensor([[[0.0, 1.0], [0.0, 0.0]], [[0.0, 0.0], [2.0, 0.0]]])
QUERIES = torch.tensor([[3.0, 0.1], [0.1, 2.0]])


def eagle(**settings: Any) -> Eagle:
    table = batch_of([[1.0, 0.0], [0.0, 1.0]], [[0.5, 0.5]] * 2, wins=WINS, usage=[[1.0, 5.0], [3.0, 5.0]])
    chosen: dict[str, Any] = {"k": 1, "weights": "uniform", "prior": 0.0} | settings
    return fitted(Eagle(2, 2, **chosen), table)


def log_odds(estimator: Eagle, query: torch.Tensor = QUERIES) -> list[float]:
    """The strength of arm 0, which is the negative of arm 1's."""
    strength = estimator(query).quality.logit()
    torch.testing.assert_close(strength.sum(dim=1), torch.zeros(len(query)), atol=1e-5, rtol=0)
    found: list[float] = strength[:, 0].tolist()
    return found


def test_scores_mix_global_and_local_strengths() -> None:
    """Half of -ln 2 / 2 and half of +ln 2 / 2 is 0; half of -ln 2 / 2 and half of -ln 8 / 2 is -ln 2."""
    found = eagle()(QUERIES)
    assert log_odds(eagle()) == pytest.approx([0.0, -log(2)], abs=1e-4)
    torch.testing.assert_close(found.quality, torch.tensor([[1 / 2, 1 / 2], [1 / 3, 2 / 3]]), atol=1e-4, rtol=0)
    assert found.usage.tolist() == [[2.0, 5.0]] * 2


@pytest.mark.parametrize(
    ("global_weight", "expected"),
    [(1.0, [-log(2) / 2, -log(2) / 2]), (0.0, [log(2) / 2, -log(8) / 2]), (0.25, [log(2) / 4, -log(2) * 1.25])],
)
def test_the_global_weight_is_the_share_of_the_global_ratings(global_weight: float, expected: list[float]) -> None:
    assert log_odds(eagle(global_weight=global_weight)) == pytest.approx(expected, abs=1e-4)


def test_much_inertia_makes_local_ratings_the_global_ones() -> None:
    assert log_odds(eagle(global_weight=0.0, inertia=1e6)) == pytest.approx([-log(2) / 2] * 2, abs=1e-3)


def test_only_votes_of_neighbours_are_local() -> None:
    """With both prompts as neighbours the local odds are 1 + 1/3 to 2 + 2/3, the global ones."""
    assert log_odds(eagle(global_weight=0.0, k=2)) == pytest.approx([-log(2) / 2] * 2, abs=1e-4)


def test_the_nearest_neighbour_counts_in_full_and_others_by_how_near_they_are() -> None:
    """Triangular, k = 2 of three: cosines to (1, 0) are 1, 0.6 and 0, so weights 1 and 0.6.

    Arm 0 wins 1, arm 1 wins 0.6 * 2 = 1.2; without inertia the odds are 1 to 1.2, whose root is the odds of quality.
    """
    wins = torch.cat([WINS, WINS[:1]])
    table = batch_of([[1.0, 0.0], [0.6, 0.8], [0.0, 1.0]], [[0.5, 0.5]] * 3, wins=wins)
    estimator = fitted(Eagle(2, 2, k=2, inertia=0.0, prior=0.0, global_weight=0.0), table)
    quality = estimator(torch.tensor([[1.0, 0.0]])).quality[0]
    assert (quality[0] / quality[1]).item() != pytest.approx(1.0, abs=0.01)
    assert (quality / (1 - quality))[0].item() == pytest.approx(sqrt(1 / 1.2), abs=1e-4)


def test_global_ratings_may_be_elo() -> None:
    """K = 32, equals: the vote for arm 0 is 16 points, the two for arm 1 are a battle of weight 2, 64 E points.

    If arm 0 won first, E = 0.54592 and it ends at 16 - 34.939 = -18.939; if it lost first, it is at -32, is expected
    to win 1 / (1 + 10^0.16) = 0.40891 and ends at -32 + 18.915 = -13.085. One order is drawn.
    """
    points = log_odds(eagle(ratings="elo", orders=1, global_weight=1.0))[0] * 400 / log(10)
    assert min(abs(points + 18.939), abs(points + 13.085)) < 1e-2


def test_order_matters_to_elo_and_not_to_bradley_terry() -> None:
    """Of six seeds some draw the one order of the two prompts and some the other."""
    by_elo = {round(log_odds(eagle(ratings="elo", orders=1, seed=seed))[0], 4) for seed in range(6)}
    by_bradley_terry = {log_odds(eagle(seed=seed))[0] for seed in range(6)}
    assert (len(by_elo), len(by_bradley_terry)) == (2, 1)


def test_without_any_vote_there_is_nothing_to_learn() -> None:
    with pytest.raises(ValueError, match=r"eagle learns from votes between arms, and no training prompt has one"):
        fitted(Eagle(1, 2), batch_of([[1.0]], [[0.5, 0.5]], wins=torch.zeros(1, 2, 2)))
