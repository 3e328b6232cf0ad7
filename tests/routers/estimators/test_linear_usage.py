import pytest
import torch

from anabranch.routers.estimators.linear_usage import LinearUsage
from tests.routers.estimators.batches import NAN

CROSS = torch.tensor([[1.0, 0.0], [0.0, 1.0], [-1.0, 0.0], [0.0, -1.0]])


def test_usage_by_hand() -> None:
    """X'y = (2, -2) over 2 + l2 = 4, mean 2: at (1, -1) 3, at (-3, 3) less than 0; arm 1 is never known."""
    usage = LinearUsage(2, 2, l2=2.0)
    usage.set(CROSS, torch.tensor([[3.0, NAN], [1.0, NAN], [1.0, NAN], [3.0, NAN]]))
    found = usage(torch.tensor([[1.0, -1.0], [-3.0, 3.0]]))
    assert found[:, 0].tolist() == pytest.approx([3.0, 0.0], abs=1e-5)
    assert found[:, 1].isnan().all() and found.dtype == torch.float32
