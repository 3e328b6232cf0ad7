from math import sqrt

import pytest
import torch

from anabranch.routers.estimators.similarity_weighted import SimilarityWeighted
from tests.routers.estimators.batches import batch_of, fitted


def votes(*won: tuple[int, int]) -> torch.Tensor:
    """One vote a prompt, between two arms: (winner, loser), or none for (0, 0)."""
    wins = torch.zeros(len(won), 2, 2)
    for row, (winner, loser) in enumerate(won):
        wins[row, winner, loser] = float(winner != loser)
    return wins


def test_a_vote_weighs_gamma_to_one_plus_relative_similarity() -> None:
    """Cosines 0.8 and 0.6, the largest 0.8: 10^2 for arm 0 and 10^1.75 for arm 1, odds 10^0.25.

    Strengths are half the log odds each, so the odds of quality, q / (1 - q), are the square root, 10^0.125.
    """
    table = batch_of([[1.0, 0.0], [0.0, 3.0]], [[0.5, 0.5]] * 2, wins=votes((0, 1), (1, 0)))
    estimator = fitted(SimilarityWeighted(2, 2, gamma=10.0, prior=0.0), table)
    quality = estimator(torch.tensor([[8.0, 6.0]])).quality[0]
    odds = quality / (1 - quality)
    assert odds.tolist() == pytest.approx([10**0.125, 10**-0.125], rel=1e-4)


def test_only_prompts_with_votes_are_kept() -> None:
    """The nearest prompt has no vote, so the largest similarity is 0.6, and the vote weighs 100 whatever it is."""
    table = batch_of([[1.0, 0.0], [0.6, 0.8]], [[0.5, 0.5]] * 2, wins=votes((0, 0), (1, 0)))
    estimator = fitted(SimilarityWeighted(2, 2), table)
    assert estimator.index.shape == (1, 2) and estimator.wins.tolist() == [[0.0, 0.0, 1.0, 0.0]]
    quality = estimator(torch.tensor([[1.0, 0.0]])).quality[0]
    # one win against the prior's share of the mean weight 1/4, 1 + 0.00025 to 0.00025: relative to it 4.001 to 0.001
    assert (quality / (1 - quality))[1].item() == pytest.approx(sqrt(4.001 / 0.001), rel=1e-3)


def test_without_any_vote_there_is_nothing_to_learn() -> None:
    with pytest.raises(ValueError, match=r"no training prompt has one \(arms: 2\); a router that learns from outcomes"):
        fitted(SimilarityWeighted(1, 2), batch_of([[1.0]], [[0.5, 0.5]], wins=votes((0, 0))))
