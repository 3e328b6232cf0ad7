import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st
from sklearn.tree import DecisionTreeRegressor

from anabranch.routers.estimators.trees import Grown, Trees, rounded_down


def planted(x: np.ndarray, y: np.ndarray, depth: int = 20) -> tuple[Trees, DecisionTreeRegressor]:
    """One tree, fitted to features (N, D) and targets (N, A)."""
    fitted = DecisionTreeRegressor(max_depth=depth, random_state=0).fit(x, y)
    trees = Trees(y.shape[1], depth)
    trees.plant([Grown(fitted, torch.eye(y.shape[1]))])
    return trees, fitted


def test_a_stump_by_hand() -> None:
    """Between 1 and 3 the tree splits at 2; both sides have two outputs."""
    trees, _ = planted(np.array([[1.0], [3.0]]), np.array([[0.0, 1.0], [0.5, 0.0]]))
    said = trees(torch.tensor([[2.0], [2.001], [-9.0]]))
    assert said.tolist() == [[[0.0, 1.0]], [[0.5, 0.0]], [[0.0, 1.0]]]
    assert (trees.feature.tolist(), trees.threshold[0].item()) == ([0, 0, 0], 2.0)
    assert (trees.left.tolist(), trees.right.tolist()) == ([1, 1, 2], [2, 1, 2])


def test_leaves_at_different_depths_are_reached() -> None:
    """1 | 2 | 4 and 8 by squares of the differences: walking on from a leaf stays there."""
    x = np.array([[1.0], [2.0], [4.0], [8.0]])
    trees, fitted = planted(x, x)
    assert fitted.get_depth() > 1
    assert trees(torch.tensor(x, dtype=torch.float32))[:, 0].tolist() == x.tolist()


def test_a_prompt_between_two_floats_falls_on_its_own_side() -> None:
    """The middle of two neighbouring floats is no float; rounded to the nearest it would be the upper one itself."""
    low = np.nextafter(np.float32(1024), np.float32(2048))
    high = np.nextafter(low, np.float32(2048))
    middle = (np.float64(low) + np.float64(high)) / 2
    assert np.float32(middle) == high
    trees, _ = planted(np.array([[low], [high]]), np.array([[0.0], [1.0]]))
    assert trees(torch.tensor([[low], [high]]))[:, 0, 0].tolist() == [0.0, 1.0]


@given(threshold=st.floats(-1e6, 1e6), value=st.floats(-1e6, 1e6, width=32))
def test_rounding_down_moves_no_float32_to_the_other_side(threshold: float, value: float) -> None:
    assert (value <= rounded_down(np.array([threshold]))[0]) == (value <= threshold)


def test_trees_agree_with_those_they_were_made_of() -> None:
    """On prompts drawn at random and on the training prompts themselves."""
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(200, 3)).astype(np.float32), rng.random((200, 2))
    trees, fitted = planted(x, y)
    asked = np.concatenate([x, rng.normal(size=(200, 3)).astype(np.float32)])
    np.testing.assert_array_equal(
        trees(torch.from_numpy(asked))[:, 0].numpy(), fitted.predict(asked).astype(np.float32)
    )


def test_trees_of_different_size_speak_of_their_own_arms() -> None:
    """A tree that is a single leaf for the second arm, behind a stump for the first."""
    stump = DecisionTreeRegressor().fit([[1.0], [3.0]], [0.0, 1.0])
    leaf = DecisionTreeRegressor().fit([[1.0]], [0.25])
    trees = Trees(2, 5)
    trees.plant([Grown(stump, torch.tensor([[1.0, 0.0]])), Grown(leaf, torch.tensor([[0.0, 1.0]]))])
    assert trees(torch.tensor([[9.0]])).tolist() == [[[1.0, 0.0], [0.0, 0.25]]]
    assert trees.speaks.tolist() == [[1.0, 0.0], [0.0, 1.0]] and trees.root.tolist() == [0, 3]
