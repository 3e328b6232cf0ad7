import torch

from anabranch.routers.estimators.kmeans import kmeans

TWO_GROUPS = torch.tensor([[1.0, 0.0], [1.0, 0.2], [0.0, 1.0], [0.2, 1.0], [0.1, 1.0]])


def test_centres_are_the_means_of_their_groups() -> None:
    """(1, 0.1), and (0.1, 1) from three."""
    centres = sorted(kmeans(TWO_GROUPS, 2, seed=0).tolist())
    torch.testing.assert_close(torch.tensor(centres), torch.tensor([[0.1, 1.0], [1.0, 0.1]]))


def test_the_seed_decides() -> None:
    rows = torch.rand(200, 4, generator=torch.Generator().manual_seed(0))
    assert kmeans(rows, 8, seed=3).equal(kmeans(rows, 8, seed=3))


def test_there_are_no_more_clusters_than_distinct_rows() -> None:
    """Each of the two distinct rows is its own centre; asking for eight is no reason to warn."""
    centres = kmeans(torch.tensor([[1.0, 0.0], [0.0, 1.0]]).repeat(5, 1), 8, seed=0)
    assert sorted(centres.tolist()) == [[0.0, 1.0], [1.0, 0.0]]
