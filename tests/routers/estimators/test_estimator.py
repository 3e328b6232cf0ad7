import pytest
import torch

from anabranch.routers.estimators.estimator import normalised
from anabranch.routers.estimators.knn import KNN
from anabranch.routers.estimators.mlp import MLP


def test_restore_takes_buffers_of_any_shape() -> None:
    """An index of three rows where the fresh one has none."""
    estimator = KNN(2, 1)
    state = {name: torch.ones(3, *part.shape[1:]) for name, part in KNN(2, 1).state_dict().items()}
    estimator.restore(state)
    assert estimator.index.shape == (3, 2)
    assert estimator.state_dict().keys() == state.keys()


def test_restore_reaches_parameters_of_inner_modules() -> None:
    estimator, other = MLP(2, 1, hidden=3), MLP(2, 1, hidden=3)
    estimator.restore(other.state_dict())
    assert all(part.equal(other.state_dict()[name]) for name, part in estimator.state_dict().items())
    assert estimator.trunk[0].weight.requires_grad


@pytest.mark.parametrize("change", [{"index": None}, {"extra": torch.zeros(1)}], ids=["missing", "left over"])
def test_restore_refuses_other_names(change: dict[str, torch.Tensor | None]) -> None:
    state = {name: part for name, part in (KNN(2, 1).state_dict() | change).items() if part is not None}
    with pytest.raises(ValueError, match=r"state names \[.*\] do not match the estimator's \['fallback', 'index',"):
        KNN(2, 1).restore(state)


def test_normalised_rows_have_length_1_and_zero_stays_zero() -> None:
    """3-4-5 triangle."""
    unit = normalised(torch.tensor([[3.0, 4.0], [0.0, 0.0]]))
    torch.testing.assert_close(unit, torch.tensor([[0.6, 0.8], [0.0, 0.0]]))
