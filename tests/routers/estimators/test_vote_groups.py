import numpy as np
import onnxruntime
import torch
from torch import Tensor

from anabranch.export.graph import LINK, export_head
from anabranch.routers.estimators.estimator import Batch
from anabranch.routers.estimators.similarity_weighted import SimilarityWeighted
from anabranch.routers.estimators.vote_groups import GROUP, PairVotes, grouped, weighted_wins
from tests.routers.estimators.batches import batch_of


def battles(prompts: int, arms: int, seed: int = 0) -> Tensor:
    """Wins [N, A, A] of one vote a prompt between two arms drawn at random, three in ten a tie."""
    draws = torch.Generator().manual_seed(seed)
    row = torch.arange(prompts)
    one = torch.randint(arms, (prompts,), generator=draws)
    other = (one + torch.randint(1, arms, (prompts,), generator=draws)) % arms
    tie = torch.rand(prompts, generator=draws) < 0.3
    wins = torch.zeros(prompts, arms, arms)
    wins[row, one, other] = torch.where(tie, 0.5, 1.0)
    wins[row, other, one] = torch.where(tie, 0.5, 0.0)
    return wins


def test_a_group_is_filled_by_one_pair_alone() -> None:
    """Nine votes for arm 2 over arm 0 and a tie of arms 0 and 1: two groups for the pair of nine, one for the tie.

    Pairs are in the order of their first cell: (0, 1) is cell 1, (0, 2) is cell 2; the other ways round are 3 and 6.
    """
    wins = torch.zeros(10, 3, 3)
    wins[:9, 2, 0] = 1.0
    wins[9, 0, 1] = wins[9, 1, 0] = 0.5
    row, won, cell = grouped(PairVotes.of(torch.arange(10), wins), arms=3)
    assert GROUP == 8
    assert row.tolist() == [9, *[-1] * 7, *range(8), 8, *[-1] * 7]
    assert won.tolist() == [[0.5, *[0.0] * 23], [0.5, *[0.0] * 7, *[1.0] * 9, *[0.0] * 7]]
    assert cell.tolist() == [[1, 2, 2], [3, 6, 6]]


def test_sums_are_those_of_the_whole_table() -> None:
    """Also where a prompt has votes on several pairs, and where one has none."""
    wins = battles(200, 5) + battles(200, 5, seed=1)
    wins[7] = 0.0
    weight = torch.rand(3, 200, generator=torch.Generator().manual_seed(2))
    row, won, cell = grouped(PairVotes.of(torch.arange(200), wins), arms=5)
    expected = (weight @ wins.flatten(1)).reshape(3, 5, 5)
    # what weighs in an empty place must not matter
    weights = torch.where(row >= 0, weight[:, row], 100.0)
    torch.testing.assert_close(weighted_wins(weights, won, cell, arms=5), expected)


def test_the_order_of_votes_makes_no_difference() -> None:
    votes = PairVotes.of(torch.arange(100), battles(100, 4))
    order = torch.randperm(len(votes.row), generator=torch.Generator().manual_seed(3))
    for one, other in zip(
        grouped(votes, arms=4), grouped(PairVotes(*(part[order] for part in votes)), arms=4), strict=True
    ):
        assert one.equal(other)


def test_one_vote_a_prompt_is_kept_in_groups() -> None:
    """Among 8 arms 28 pairs leave at most 7 places empty each: 400 to 596 rows of 4 + 2 numbers, not 400 of 4 + 64."""
    estimator = SimilarityWeighted(4, 8)
    _observe(estimator, battles(400, 8))
    assert 400 <= len(estimator.index) <= 596 and estimator.wins.shape == (0, 64)
    assert estimator.won.shape == (2, len(estimator.index))
    # the empty places are the rows of zeros
    assert (estimator.index.norm(dim=1) > 0).sum() == 400


def test_every_pair_on_every_prompt_is_kept_as_a_table() -> None:
    """Six pairs a prompt: 6 * 40 rows of 4 + 2 numbers are more than 40 of 4 + 16."""
    estimator = SimilarityWeighted(4, 4)
    _observe(estimator, torch.ones(40, 4, 4) - torch.eye(4))
    assert estimator.wins.shape == (40, 16) and estimator.cell.shape == (2, 0) and estimator.index.shape == (40, 4)


def test_both_layouts_estimate_alike() -> None:
    """The same battles among 6 arms, given once as they are (groups) and once with votes of no weight on all pairs."""
    wins = battles(300, 6)
    small, large = SimilarityWeighted(4, 6), SimilarityWeighted(4, 6)
    embedding = _observe(small, wins)
    _observe(large, wins + 1e-30 * (1 - torch.eye(6)))
    assert small.cell.shape[1] > 0 and large.cell.shape[1] == 0
    queries = torch.cat([embedding[:5], torch.zeros(1, 4), -embedding[:1]])
    torch.testing.assert_close(small(queries).quality, large(queries).quality, atol=1e-5, rtol=0)


def test_groups_are_a_graph() -> None:
    """In batches of one and of three; two steps keep the graph small."""
    estimator = SimilarityWeighted(4, 8, steps=2)
    queries = _observe(estimator, battles(100, 8))[:3]
    assert estimator.cell.shape[1] > 0
    graph = onnxruntime.InferenceSession(export_head(estimator.eval()).SerializeToString())
    for rows in (queries[:1], queries):
        np.testing.assert_allclose(graph.run(None, {LINK: rows.numpy()})[0], estimator(rows).quality, atol=1e-4)


def test_votes_stay_with_their_prompts_whatever_batches_they_come_in() -> None:
    """Rows 3, 8, 20, ... seen in two batches, backwards; prompts without votes lie between."""
    wins, embedding = battles(64, 6), torch.randn(64, 4, generator=torch.Generator().manual_seed(5))
    wins[::3] = 0.0
    whole = batch_of(embedding, torch.full((64, 6), 0.5), wins=wins)._replace(row=3 + 5 * torch.arange(64))
    one, other = SimilarityWeighted(4, 6), SimilarityWeighted(4, 6)
    one.observe(whole)
    for rows in (torch.arange(63, 31, -1), torch.arange(31, -1, -1)):
        other.observe(Batch(*(part[rows] for part in whole)))
    for estimator in (one, other):
        estimator.finalise()
    assert one.index.equal(other.index) and one.won.equal(other.won) and one.cell.equal(other.cell)


def _observe(estimator: SimilarityWeighted, wins: Tensor) -> Tensor:
    """Fit to wins on random prompts; their embeddings [N, D]."""
    embedding = torch.randn(len(wins), estimator.width, generator=torch.Generator().manual_seed(4))
    estimator.observe(batch_of(embedding, torch.full(wins.shape[:2], 0.5), wins=wins))
    estimator.finalise()
    return embedding
