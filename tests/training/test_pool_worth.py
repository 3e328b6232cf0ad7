import numpy as np
import pytest

from anabranch.data.outcomes import Outcomes
from anabranch.training.baselines import task_lookup
from anabranch.training.paired import Paired
from anabranch.training.pool_worth import LOOKUP, pool_worth

TRAIN = Outcomes.from_arrays(
    ["a", "b"], [[1, 0], [1, 0], [1, 0], [0, 1]], tasks=["sums", "sums", "sums", "dates"], cost_usd=np.ones((4, 2))
)
TEST = Outcomes.from_arrays(
    ["a", "b"],
    [[1, 0], [0, 1], [0, 1], [0, 0]],
    tasks=["sums", "sums", "dates", "news"],
    cost_usd=[[1, 2], [1, 2], [1, 2], [1, 2]],
)


def test_the_lookup_is_named_on_train() -> None:
    """a is best on sums and best single, b on dates; no one knows about news."""
    assert task_lookup(TRAIN, TEST).tolist() == [0, 0, 1, 0]


def test_shares_of_the_headroom() -> None:
    """Best single a is right once of four, the oracle three times: the headroom is two answers.

    The lookup is right on prompts 0 and 2, one answer more; a router that picks a, b, b, a has them all.
    """
    worth = pool_worth(TRAIN, TEST, {"router": np.array([0, 1, 1, 0])}, Paired.draw(4, 20, seed=0))
    assert worth.best_single == "a"
    assert {name: figure.value for name, figure in worth.quality.items()} == {
        "a": 0.25,
        "b": 0.5,
        "oracle": 0.75,
        LOOKUP: 0.5,
        "router": 0.75,
    }
    assert worth.recovered[LOOKUP].value == pytest.approx(0.5)
    assert worth.recovered["router"].value == pytest.approx(1.0)
    assert worth.beyond_lookup["router"].value == pytest.approx(0.5)
    assert worth.cost_usd == {"a": 1.0, "b": 2.0}
    assert worth.tasks == {"dates": {"a": 0.0, "b": 1.0}, "news": {"a": 0.0, "b": 0.0}, "sums": {"a": 0.5, "b": 0.5}}
