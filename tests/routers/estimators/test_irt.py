from math import log
from pathlib import Path
from typing import Literal

import numpy as np
import onnxruntime
import pytest
import torch

from anabranch.export.graph import LINK, export_head
from anabranch.routers.estimators.irt import IRTRouter
from tests.contract.rows import forward, learn
from tests.contract.worlds import linear_world
from tests.routers.estimators.batches import NAN, batch_of, fitted

Kind = Literal["mirt", "nirt"]
kinds = pytest.mark.parametrize("kind", ["mirt", "nirt"])


def test_the_loss_is_cross_entropy_of_log_odds_by_hand() -> None:
    """At weight 0 discrimination is log 2: abilities 1 and -1 give odds of 2 and 1/2, so chances 2/3 and 1/3.

    A right answer of arm 0 costs log(3/2), one of arm 1 log 3; a second sigmoid would make that 0.41 and 0.54.
    """
    estimator = IRTRouter(1, 2, factors=1)
    for weight in estimator.response.parameters():
        torch.nn.init.zeros_(weight)
    with torch.no_grad():
        estimator.ability.copy_(torch.tensor([[1.0], [-1.0]]))
    table = batch_of([[1.0], [1.0]], [[1.0, 1.0], [1.0, NAN]], usage=[[2.0, NAN], [2.0, NAN]])
    found = fitted(estimator, table)(torch.tensor([[5.0]]))
    assert found.quality[0].tolist() == pytest.approx([2 / 3, 1 / 3], abs=1e-6)
    assert found.usage[0, 0].item() == pytest.approx(2.0, abs=1e-4) and found.usage[0, 1].isnan()
    assert estimator.loss(table).item() == pytest.approx((2 * log(3 / 2) + log(3)) / 3, abs=1e-6)


@kinds
def test_an_abler_arm_is_rated_higher_on_every_prompt(kind: Kind) -> None:
    """Raising one coordinate of one arm by 1 raises that arm's quality and leaves the other's."""
    estimator = IRTRouter(6, 2, kind=kind).eval()
    embedding = torch.randn(50, 6, generator=torch.Generator().manual_seed(0))
    before = forward_quality(estimator, embedding)
    with torch.no_grad():
        estimator.ability[0, 3] += 1.0
    after = forward_quality(estimator, embedding)
    assert (after[:, 0] > before[:, 0]).all() and after[:, 1].equal(before[:, 1])


def forward_quality(estimator: IRTRouter, embedding: torch.Tensor) -> torch.Tensor:
    return forward(estimator, embedding).quality.clone()


def test_an_unknown_kind_is_refused() -> None:
    with pytest.raises(ValueError, match="unknown kind 'rasch' of item response; known: mirt, nirt"):
        IRTRouter(2, 2, kind="rasch")  # type: ignore[arg-type]


@kinds
def test_both_kinds_recover_headroom_and_say_the_same_in_onnx(kind: Kind, tmp_path: Path) -> None:
    """The contract suite runs the default kind; this is its core for the other one, too."""
    world = linear_world(seed=1)
    settings = {"kind": kind, "hidden": 64, "epochs": 8, "learning_rate": 1e-2}
    learnt = learn("anabranch.routers.estimators.irt:IRTRouter", world, tmp_path, settings=settings)
    assert world.headroom_recovered(learnt.choices()) >= 0.8
    embedding = torch.cat([torch.from_numpy(world.embedding[:6]), torch.zeros(1, world.embedding.shape[1])])
    expected = forward(learnt.estimator, embedding).quality.numpy()
    assert np.isfinite(expected).all()
    session = onnxruntime.InferenceSession(export_head(learnt.estimator).SerializeToString())
    np.testing.assert_allclose(session.run(None, {LINK: embedding.numpy()})[0], expected, rtol=0, atol=1e-4)
    single = np.concatenate([session.run(None, {LINK: row[None].numpy()})[0] for row in embedding])
    np.testing.assert_allclose(single, expected, rtol=0, atol=1e-4)
