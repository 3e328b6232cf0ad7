"""The calibration contract, for every row of CALIBRATIONS."""

from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from anabranch.export.graph import LINK, export_head
from anabranch.routers.calibration.calibration import Calibration
from anabranch.routers.calibration.registry import CALIBRATIONS, load_calibration
from anabranch.routers.estimates import QualityKind
from anabranch.routers.estimators.calibrated import Calibrated
from anabranch.training.metrics.calibration import brier, ece, log_loss
from tests.contract.rows import Learnt, learn
from tests.contract.worlds import cluster_world, linear_world, preference_world

KINDS: tuple[tuple[str, QualityKind], ...] = tuple(
    (name, kind)
    for name in CALIBRATIONS
    for kind in ("calibrated", "win_rate", "score")
    if (name, kind) != ("temperature", "score")
)
ARMS = 3


def overconfident(rows: int = 600, seed: int = 0, kind: QualityKind = "calibrated") -> tuple[Tensor, Tensor]:
    """Estimates and outcomes: the log odds are three times too large, and as scores they are left as log odds."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(0, 1, (rows, ARMS))
    observed = torch.from_numpy((rng.random(logits.shape) < 1 / (1 + np.exp(-logits))).astype(np.float32))
    claimed = torch.from_numpy(3 * logits).float()
    return (claimed if kind == "score" else claimed.sigmoid()), observed


def fitted(name: str, estimated: Tensor, observed: Tensor, kind: QualityKind = "calibrated") -> Calibration:
    made = load_calibration(name, estimated.shape[1], kind)
    made.fit(estimated, observed)
    return made.eval()


@pytest.mark.parametrize(("name", "kind"), KINDS)
def test_a_map_never_decreases_and_stays_in_the_unit_interval(name: str, kind: QualityKind) -> None:
    """Also far outside the estimates it was fitted on."""
    made = fitted(name, *overconfident(kind=kind), kind)
    reach = torch.linspace(-100, 100, 5001) if kind == "score" else torch.linspace(0, 1, 5001)
    mapped = made(reach.unsqueeze(1).expand(-1, ARMS))
    assert mapped.dtype == torch.float32 and mapped.shape == (5001, ARMS)
    assert (mapped >= 0).all() and (mapped <= 1).all()
    # what rounding of float32 may take back
    assert (mapped.diff(dim=0) >= -2e-7).all()
    assert (mapped[-1] > mapped[0] + 0.5).all()


@pytest.mark.parametrize(("name", "kind"), KINDS)
def test_it_improves_what_it_was_fitted_on(name: str, kind: QualityKind) -> None:
    """Against the estimates, or the sigmoid of the scores."""
    estimated, observed = overconfident(kind=kind)
    mapped = fitted(name, estimated, observed, kind)(estimated)
    claimed = estimated.sigmoid() if kind == "score" else estimated
    assert brier(mapped, observed) < brier(claimed, observed) - 0.02
    assert log_loss(mapped, observed) < log_loss(claimed, observed) - 0.1


@pytest.mark.parametrize("name", CALIBRATIONS)
def test_it_improves_prompts_it_has_not_seen(name: str) -> None:
    made = fitted(name, *overconfident())
    estimated, observed = overconfident(rows=2000, seed=1)
    assert ece(made(estimated), observed) < ece(estimated, observed) / 2
    assert brier(made(estimated), observed) < brier(estimated, observed) - 0.02


@pytest.mark.parametrize("name", CALIBRATIONS)
def test_the_order_of_prompts_is_irrelevant(name: str) -> None:
    estimated, observed = overconfident()
    first, second = (fitted(name, estimated[rows], observed[rows]) for rows in (slice(None), torch.arange(599, -1, -1)))
    torch.testing.assert_close(second(estimated), first(estimated))


@pytest.mark.parametrize("name", CALIBRATIONS)
def test_permuting_arms_permutes_the_map(name: str) -> None:
    """Arms of unlike outcomes: the second is always right where the first is estimated above a half."""
    estimated, observed = overconfident()
    observed[:, 1] = (estimated[:, 0] > 0.5).float()
    order = torch.tensor([2, 0, 1])
    expected = fitted(name, estimated, observed)(estimated)[:, order]
    found = fitted(name, estimated[:, order], observed[:, order])(estimated[:, order])
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-6)


@pytest.mark.parametrize("name", CALIBRATIONS)
def test_unknown_cells_count_for_nothing(name: str) -> None:
    """Rows of NaN, in the outcomes or in the estimates, give the map that leaving them out gives."""
    estimated, observed = overconfident()
    padded = torch.cat([observed, torch.full((50, ARMS), torch.nan), torch.ones(50, ARMS)])
    claimed = torch.cat([estimated, torch.full((50, ARMS), 0.9), torch.full((50, ARMS), torch.nan)])
    torch.testing.assert_close(
        fitted(name, claimed, padded)(estimated), fitted(name, estimated, observed)(estimated), rtol=0, atol=1e-6
    )


@pytest.mark.parametrize("name", CALIBRATIONS)
def test_an_arm_with_few_labels_gets_the_map_of_all_arms(name: str) -> None:
    """Five cells of the last arm are known; with no map of its own it is mapped as all known cells together are."""
    estimated, observed = overconfident()
    observed[5:, 2] = torch.nan
    known = ~observed.isnan()
    together = fitted(name, estimated[known].unsqueeze(1), observed[known].unsqueeze(1))
    found = fitted(name, estimated, observed)(estimated)[:, 2:]
    torch.testing.assert_close(found, together(estimated[:, 2:]), rtol=0, atol=1e-6)


@pytest.mark.parametrize(("name", "kind"), KINDS)
@pytest.mark.parametrize("rows", [0, 1, 2])
def test_hardly_any_labels_are_no_crash(name: str, kind: QualityKind, rows: int) -> None:
    estimated, observed = overconfident(kind=kind)
    mapped = fitted(name, estimated[:rows], observed[:rows], kind)(estimated)
    assert mapped.isfinite().all() and (mapped >= 0).all() and (mapped <= 1).all()


@pytest.mark.parametrize("name", CALIBRATIONS)
@pytest.mark.parametrize("right", [0.0, 0.75, 1.0])
def test_equal_estimates_are_mapped_to_their_mean(name: str, right: float) -> None:
    """400 estimates of 0.6; Platt's targets move the mean by less than 1 / 400."""
    estimated = torch.full((400, 1), 0.6)
    observed = (torch.arange(400) < 400 * right).float().unsqueeze(1)
    mapped = fitted(name, estimated, observed)(estimated)
    if name == "temperature" and right == 0.0:
        right = 0.5  # no temperature turns 0.6 into less than a half
    torch.testing.assert_close(mapped, torch.full((400, 1), right), rtol=0, atol=3e-3)


@pytest.mark.parametrize("name", CALIBRATIONS)
def test_the_state_restores_the_map(name: str, tmp_path: Path) -> None:
    """Through a file, into a map that was never fitted: bit-equal estimates, whatever the buffers' shapes."""
    learnt = learn("knn", linear_world(0), tmp_path / "logs")
    made = Calibrated(learnt.estimator, fitted_on_validation(name, learnt)).eval()
    save_file({key: part.contiguous() for key, part in made.state_dict().items()}, tmp_path / "state")
    blank = load_calibration(name, made.arms, "calibrated")
    other = Calibrated(learnt.recipe.build(made.width, made.arms), blank)
    other.restore(load_file(tmp_path / "state"))
    rows = torch.from_numpy(learnt.world.embedding[-50:])
    for one, two in zip(made(rows), other.eval()(rows), strict=True):
        assert one.nan_to_num(-1).equal(two.nan_to_num(-1))


@pytest.mark.parametrize(
    "row", ["mlp", *(pytest.param(row, marks=pytest.mark.slow) for row in ("knn", "ridge", "routellm-sw"))]
)
@pytest.mark.parametrize("name", CALIBRATIONS)
def test_onnx_agrees_with_torch(name: str, row: str, tmp_path: Path) -> None:
    """Through `export_head`, at batch 1 and 7; spread as well, which is made of two more maps."""
    make = {"knn": cluster_world, "routellm-sw": preference_world}.get(row, linear_world)
    learnt = learn(row, make(0, width=8, sizes={"train": 300, "validation": 250, "test": 42}), tmp_path)
    made = Calibrated(learnt.estimator, fitted_on_validation(name, learnt)).eval()
    session = onnxruntime.InferenceSession(export_head(made).SerializeToString())
    embedding = learnt.world.embedding[learnt.world.rows("test")]
    with torch.inference_mode():
        quality, _, spread = made(torch.from_numpy(embedding))
    for batch in (1, 7):
        for start in range(0, len(embedding), batch):
            rows = slice(start, start + batch)
            found_quality, _, found_spread = session.run(None, {LINK: embedding[rows]})
            np.testing.assert_allclose(found_quality, quality[rows].numpy(), rtol=0, atol=1e-4)
            np.testing.assert_allclose(found_spread, spread[rows].numpy(), rtol=0, atol=1e-4)


def fitted_on_validation(name: str, learnt: Learnt) -> Calibration:
    world = learnt.world
    rows = world.rows("validation")
    estimated = torch.from_numpy(learnt.estimates(rows).quality)
    kind = learnt.estimator.quality_kind
    return fitted(name, estimated, torch.tensor(world.table.quality[rows]), kind)
