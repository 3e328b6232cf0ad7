import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor

from anabranch.routers.estimators.rorf import RoRF, _targets
from tests.routers.estimators.batches import NAN, batch_of, fitted

N, D = 300, 6


def right_or_wrong(arms: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Random prompts, on each of which an arm is right with a chance of its own."""
    draws = torch.Generator().manual_seed(0)
    embedding = torch.randn(N, D, generator=draws)
    slopes = torch.randn(D, arms, generator=draws)
    return embedding, (torch.rand(N, arms, generator=draws) < (embedding @ slopes).sigmoid()).float()


def test_a_pair_is_the_published_forest_of_four_classes() -> None:
    """Scikit-learn's classifier of large only, neither, both, small only: P(small) = p2 + p3, P(large) = p0 + p2.

    Trees that split on two equally good features may differ; with 5 prompts a leaf none of these do.
    """
    embedding, quality = right_or_wrong(2)
    code = {(0, 1): 0, (0, 0): 1, (1, 1): 2, (1, 0): 3}
    classes = [code[int(small), int(large)] for small, large in quality.tolist()]
    published = RandomForestClassifier(20, max_depth=20, max_features=1.0, min_samples_leaf=5, random_state=3)
    p = published.fit(embedding.numpy(), classes).predict_proba(embedding.numpy())
    forest = fitted(RoRF(D, 2, trees=20, features=1.0, seed=3), batch_of(embedding, quality))
    found = forest(embedding).quality.numpy()
    np.testing.assert_allclose(found, np.stack([p[:, 2] + p[:, 3], p[:, 0] + p[:, 2]], axis=1), atol=1e-6)


def test_more_arms_are_the_outputs_of_one_forest() -> None:
    embedding, quality = right_or_wrong(3)
    asked = torch.randn(50, D, generator=torch.Generator().manual_seed(1))
    forest = RandomForestRegressor(7, max_depth=20, max_features=0.5, min_samples_leaf=2, random_state=0)
    expected = forest.fit(embedding.numpy(), quality.numpy()).predict(asked.numpy())
    estimator = fitted(RoRF(D, 3, trees=7, features=0.5, leaf=2), batch_of(embedding, quality))
    np.testing.assert_allclose(estimator(asked).quality.numpy(), expected, atol=1e-6)


@given(first=st.floats(0, 1, width=32), second=st.floats(0, 1, width=32))
def test_soft_labels_of_a_pair_are_chances_of_four_classes(first: float, second: float) -> None:
    """They add up to 1, and read as each arm's own quality again."""
    chance, reading = _targets(torch.tensor([[first, second]]))
    assert chance.sum().item() == pytest.approx(1.0, abs=1e-6) and (chance >= 0).all()
    assert (chance @ reading)[0].tolist() == pytest.approx([first, second], abs=1e-6)


def test_four_classes_of_a_soft_pair_by_hand() -> None:
    """Right with 0.8 and 0.5: only the second 0.2 * 0.5, neither 0.2 * 0.5, both 0.8 * 0.5, only the first 0.4."""
    chance, _ = _targets(torch.tensor([[0.8, 0.5]]))
    assert chance[0].tolist() == pytest.approx([0.1, 0.1, 0.4, 0.4])


@pytest.mark.parametrize("arms", [2, 3])
def test_each_arm_learns_from_the_prompts_where_it_is_known(arms: int) -> None:
    """The second arm forgets 100 prompts: its forest is that of a table without them, and so is the others'."""
    embedding, quality = right_or_wrong(arms)
    partly = quality.clone()
    partly[:100, 1] = NAN
    found = fitted(RoRF(D, arms, trees=5), batch_of(embedding, partly))(embedding).quality
    alone = fitted(RoRF(D, 1, trees=5), batch_of(embedding[100:], quality[100:, 1:2]))(embedding).quality
    others = [arm for arm in range(arms) if arm != 1]
    rest = fitted(RoRF(D, arms - 1, trees=5), batch_of(embedding, quality[:, others]))(embedding).quality
    if arms == 2:  # of a pair that is not known together no classes are left
        torch.testing.assert_close(found, torch.cat([rest, alone], dim=1))
    else:
        torch.testing.assert_close(found[:, 1:2], alone)


def test_spread_is_the_standard_deviation_between_trees() -> None:
    """Of what the nine trees say, by numpy; they do not agree."""
    embedding, quality = right_or_wrong(1)
    estimator = fitted(RoRF(D, 1, trees=9), batch_of(embedding, quality))
    said = estimator.trees(embedding)[:, :, 0].numpy()
    np.testing.assert_allclose(estimator(embedding).spread[:, 0].numpy(), said.std(axis=1), atol=1e-6)
    assert said.std(axis=1).max() > 0.01


def test_an_arm_that_was_never_tried_is_never_right() -> None:
    found = fitted(RoRF(1, 2, trees=3), batch_of([[0.0], [1.0]], [[1.0, NAN], [1.0, NAN]]))(torch.zeros(1, 1))
    assert found.quality.tolist() == [[1.0, 0.0]] and found.spread.tolist() == [[0.0, 0.0]]


def test_leaf_and_depth_bound_the_graph() -> None:
    """At most 2 N / leaf nodes a tree; at depth 1 exactly three, of which 2 are leaves."""
    embedding, quality = right_or_wrong(1)
    table = batch_of(embedding, quality)
    assert len(fitted(RoRF(D, 1, trees=4, leaf=10), table).trees.feature) <= 4 * 2 * N / 10
    assert len(fitted(RoRF(D, 1, trees=4, depth=1), table).trees.feature) == 12
