import pytest
import torch

from anabranch.routers.estimators.edge_sums import MaskedEdges, averages, edge_sums

PROMPT = torch.tensor([[1.0, 0.0], [0.0, 2.0], [4.0, 4.0]])
EDGE = torch.tensor([[[1.0], [0.5]], [[0.0], [1.0]], [[1.0], [1.0]]])
KNOWN = torch.tensor([[True, True], [True, False], [False, False]])


def masked(groups: int, seed: int = 0) -> MaskedEdges:
    return MaskedEdges(PROMPT, EDGE, KNOWN, groups, torch.Generator().manual_seed(seed))


def test_each_arm_adds_up_its_own_edges() -> None:
    """Arm 0 knows prompts 0 and 1, arm 1 prompt 0; nobody knows prompt 2."""
    assert edge_sums(PROMPT, EDGE, KNOWN).tolist() == [[1.0, 2.0, 1.0, 2.0], [1.0, 0.0, 0.5, 1.0]]


def test_an_arm_without_edges_averages_to_nothing() -> None:
    """(1 + 0) / 2, 2 / 2 and 1 / 2; then nothing over nothing."""
    sums = torch.tensor([[1.0, 2.0, 1.0, 2.0], [0.0, 0.0, 0.0, 0.0]])
    assert averages(sums).tolist() == [[0.5, 1.0, 0.5], [0.0, 0.0, 0.0]]


@pytest.mark.parametrize("groups", [1, 3, 32])
def test_groups_are_a_partition(groups: int) -> None:
    torch.testing.assert_close(masked(groups).sums.sum(dim=0), edge_sums(PROMPT, EDGE, KNOWN))


def test_a_batch_does_not_see_its_own_edges() -> None:
    """Everything is kept; without prompt 0, arm 0 has prompt 1 and arm 1 nothing."""
    rows = torch.tensor([0])
    found = masked(3).visible(rows, PROMPT[rows], EDGE[rows], KNOWN[rows], torch.ones(3, dtype=torch.bool))
    torch.testing.assert_close(found, torch.tensor([[0.0, 2.0, 0.0], [0.0, 0.0, 0.0]]))


def test_hidden_groups_are_hidden_and_not_taken_away_twice() -> None:
    """Whatever is hidden, what a batch sees are the kept edges of the other prompts."""
    edges = masked(2, seed=1)
    assert set(edges.group[KNOWN].tolist()) == {0, 1}
    for kept in ([True, False], [False, True], [False, False]):
        mask = torch.tensor(kept)
        rows = torch.tensor([1, 2])
        found = edges.visible(rows, PROMPT[rows], EDGE[rows], KNOWN[rows], mask)
        others = KNOWN & mask[edges.group] & torch.tensor([[True], [False], [False]])
        torch.testing.assert_close(found, averages(edge_sums(PROMPT, EDGE, others)))
