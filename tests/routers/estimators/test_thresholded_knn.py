import pytest
import torch

from anabranch.routers.estimators.thresholded_knn import ThresholdedKNN
from tests.routers.estimators.batches import batch_of, fitted

INDEX = [[1.0, 0.0], [0.9, 0.1], [0.8, 0.2], [0.0, 1.0]]
QUALITY = [[1.0, 1.0, 0.0], [1.0, 1.0, 0.0], [0.0, 1.0, 1.0], [0.0, 1.0, 1.0]]


@pytest.mark.parametrize(("threshold", "right"), [(0.5, [1.0, 1.0, 0.0]), (0.7, [0.0, 1.0, 0.0]), (0.3, [1.0] * 3)])
def test_an_arm_is_right_where_the_neighbours_mean_is_above_the_threshold(threshold: float, right: list[float]) -> None:
    """k = 3 at (1, 0): means 2/3, 1 and 1/3. Averages over all four prompts, 1/2, 1 and 1/2, count a hundredth."""
    table = batch_of(INDEX, QUALITY, usage=[[2.0, 4.0, 6.0]] * 4)
    found = fitted(ThresholdedKNN(2, 3, k=3, threshold=threshold), table)(torch.tensor([[1.0, 0.0]]))
    expected = [score + average / 100 for score, average in zip(right, (0.5, 1.0, 0.5), strict=True)]
    assert found.quality[0].tolist() == pytest.approx(expected)
    assert found.usage[0].tolist() == [2.0, 4.0, 6.0]
