from math import e, log

import pytest
import torch
from torch import nn

from anabranch.routers.estimators.radial_router import RadialRouter, divergence
from tests.routers.estimators.batches import NAN, batch_of, fitted


def of(logits: list[float], value: list[float]) -> float:
    return divergence(torch.tensor([logits]), torch.tensor([value])).item()


def indifferent(router: RadialRouter) -> RadialRouter:
    """All arms score alike."""
    last = router.head[-1]
    assert isinstance(last, nn.Linear)
    nn.init.zeros_(last.weight)
    nn.init.zeros_(last.bias)
    return router


def test_the_divergence_of_indifference_by_hand() -> None:
    """1/2 log(1/2 / (e / (1 + e))) + 1/2 log(1/2 / (1 / (1 + e))) = log(1 + e) - 1/2 - log 2."""
    assert of([0.0, 0.0], [1.0, 0.0]) == pytest.approx(log(1 + e) - 0.5 - log(2))


def test_it_is_taken_from_what_is_chosen_to_what_is_wanted() -> None:
    """Chosen (3/4, 1/4), wanted (1/2, 1/2): 3/4 log(3/2) + 1/4 log(1/2)."""
    assert of([log(3), 0.0], [0.3, 0.3]) == pytest.approx(0.75 * log(1.5) + 0.25 * log(0.5))


def test_rewards_up_to_a_constant_are_the_best_scores() -> None:
    assert of([3.5, 2.9, 3.0], [1.0, 0.4, 0.5]) == pytest.approx(0.0, abs=1e-6)


def test_unknown_arms_and_rows_count_for_nothing() -> None:
    """The third arm and the second row are unknown."""
    logits, value = torch.tensor([[0.0, 0.0, 9.0], [1.0, 2.0, 3.0]]), torch.tensor([[1.0, 0.0, NAN], [NAN] * 3])
    assert divergence(logits, value).item() == pytest.approx(log(1 + e) - 0.5 - log(2))


def test_the_target_weighs_cost() -> None:
    """Qualities 1 and 0 at usage 2 and 0; the priciest mean is 2: at alpha 1 both are worth 0."""
    table = batch_of([[1.0]], [[1.0, 0.0]], usage=[[2.0, 0.0]])
    free, priced = (
        indifferent(fitted(RadialRouter(1, 2, state=8, alpha=alpha), table)).loss(table).item() for alpha in (0.0, 1.0)
    )
    assert free == pytest.approx(log(1 + e) - 0.5 - log(2))
    assert priced == pytest.approx(0.0, abs=1e-6)


def test_in_training_prompts_of_a_cluster_are_pulled_together() -> None:
    """Relays are the embeddings: pairs at a right angle, log(1 + 2/e) with both of the others; times 3."""
    table = batch_of([[1.0, 0.0]] * 2 + [[0.0, 1.0]] * 2, [[1.0, 0.0]] * 4)
    router = indifferent(fitted(RadialRouter(2, 2, state=2, heads=1, clusters=2, contrast_weight=3.0), table))
    nn.init.eye_(router.relay.weight)
    nn.init.zeros_(router.relay.bias)
    without = router.loss(table).item()
    assert router.train().loss(table).item() == pytest.approx(without + 3 * log(1 + 2 / e))


def test_quality_is_a_softmax_over_arms() -> None:
    found = fitted(RadialRouter(3, 4, state=8), batch_of([[1.0, 0.0, 2.0]], [[1.0, 0.0, 0.5, NAN]]))(torch.randn(5, 3))
    torch.testing.assert_close(found.quality.sum(dim=1), torch.ones(5))
    assert indifferent(RadialRouter(3, 4, state=8))(torch.zeros(1, 3)).quality.tolist() == [[0.25] * 4]


def test_costs_that_are_unknown_cannot_be_weighed() -> None:
    with pytest.raises(ValueError, match=r"radial-router was asked to weigh cost by 0.1 .* weigh it by 0"):
        fitted(RadialRouter(1, 2, alpha=0.1), batch_of([[1.0]], [[1.0, 0.0]]))
