"""The estimator contract, for every row of ROUTERS."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from anabranch.data.outcomes import Floats
from anabranch.routers.estimates import Estimates
from anabranch.routers.recipe import settings_of
from tests.contract.rows import (
    FEW,
    ROWS,
    SETTINGS,
    WIDTH,
    WORLDS,
    Learnt,
    closed_form,
    forward,
    learn,
    learn_quickly,
    small_world,
    with_costs,
    with_quality,
)
from tests.contract.worlds import World, cost_world

NEEDS_USAGE = ("rm-classification", "rm-interval", "rm-softmax")
"""Rows that cannot learn where usage is unknown, and say so."""

NEEDS_VOTES = ("eagle", "routellm-mf", "routellm-sw")
"""Rows that cannot learn without votes, and say so."""

USAGE_SHARES_WEIGHTS = ("cscr", "graph-router", "mlp")
"""Rows whose quality may depend on what is known of usage."""

QUERY_BLIND = ("blending", "zero")
"""Rows that estimate every prompt alike, so they recover nothing."""

DRAWN = tuple(row for row in ROWS if not closed_form(row))
"""Rows that begin with weights drawn at random, which belong to a column: arms are permuted at inference."""

CLOSED = tuple(row for row in ROWS if closed_form(row))


def estimates(learnt: Learnt, split: str = "test") -> Estimates[Floats]:
    return learnt.estimates(learnt.world.rows(split))


def embedding(learnt: Learnt, rows: int) -> Tensor:
    return torch.from_numpy(learnt.embedding(learnt.world.rows("test")[:rows]))


def assert_equal(found: Estimates[Tensor], expected: Estimates[Tensor], tolerance: float = 0.0) -> None:
    for name, one, other in zip(Estimates._fields, found, expected, strict=True):
        np.testing.assert_allclose(one.numpy(), other.numpy(), rtol=tolerance, atol=tolerance, err_msg=name)


def test_every_row_has_a_world() -> None:
    assert set(WORLDS) == set(ROWS)


def test_every_setting_here_is_one_of_its_row() -> None:
    assert [row for row, given in SETTINGS.items() if not given.keys() <= settings_of(row).keys()] == []


def test_estimates_are_finite_and_of_the_right_shape(learnt: Learnt) -> None:
    """[M, A] in float32; usage is NaN in worlds that know no costs, and only there."""
    found = estimates(learnt)
    shape = (2000, len(learnt.world.table.arms))
    assert {(part.shape, part.dtype) for part in found} == {(shape, np.dtype(np.float32))}
    assert np.isfinite(found.quality).all() and np.isfinite(found.spread).all()
    assert (found.spread >= 0).all()
    if learnt.world.table.has_cost:
        assert (found.usage >= 0).all()
    else:
        assert np.isnan(found.usage).all()


def test_quality_is_what_its_kind_says(learnt: Learnt) -> None:
    """Calibrated is in [0, 1]; win rates are in (0, 1) and their log odds sum to 0 a row."""
    kind = learnt.estimator.quality_kind
    quality = estimates(learnt).quality.astype(np.float64)
    if kind != "score":
        assert (quality >= 0).all() and (quality <= 1).all()
    if kind == "win_rate":
        np.testing.assert_allclose(np.log(quality / (1 - quality)).sum(axis=1), 0, atol=1e-4)


def test_recovers_headroom_on_the_world_of_its_assumption(learnt: Learnt, request: pytest.FixtureRequest) -> None:
    """With its own policy: 0 is the best single arm, 1 the Bayes policy, which knows the world's formula."""
    recovered = learnt.world.headroom_recovered(learnt.choices())
    if request.node.callspec.params["learnt"] in QUERY_BLIND:
        assert recovered < 1e-9 and all((part == part[0]).all() for part in estimates(learnt))
    else:
        assert recovered >= 0.8


@pytest.mark.parametrize("row", [row for row in ROWS if row not in QUERY_BLIND])
def test_learns_though_three_cells_in_ten_are_missing(row: str, tmp_path: Path) -> None:
    """Qualities, or votes, are dropped at random; 70 % of the sample still shows the way."""
    world = WORLDS[row](seed=1)
    rng = np.random.default_rng(0)
    quality = np.where(rng.random(world.table.quality.shape) < 0.3, np.nan, world.table.quality)
    world = with_quality(world, quality)
    if world.votes is not None:
        counted = (rng.random(len(world.votes)) >= 0.3).astype(np.float32)
        world = replace(world, votes=replace(world.votes, weight=counted))
    assert world.headroom_recovered(learn(row, world, tmp_path).choices()) >= 0.75


def test_a_row_is_estimated_alike_alone_and_in_a_batch(learnt: Learnt) -> None:
    rows = embedding(learnt, 7)
    single = [forward(learnt.estimator, row[None]) for row in rows]
    together = Estimates(*(torch.cat(parts) for parts in zip(*single, strict=True)))
    assert_equal(forward(learnt.estimator, rows), together, 1e-5)


def test_no_rows_give_no_estimates(learnt: Learnt) -> None:
    none = learnt.estimates(np.zeros(0, np.int64))
    assert {part.shape for part in none} == {(0, len(learnt.world.table.arms))}


def test_a_zero_embedding_is_estimated(learnt: Learnt) -> None:
    """The empty text is the zero vector in the hashing encoder; cosines to it are 0, not 0 / 0."""
    found = forward(learnt.estimator, torch.zeros(1, learnt.estimator.width))
    assert found.quality.isfinite().all() and found.spread.isfinite().all()


def test_forward_leaves_its_input_alone(learnt: Learnt) -> None:
    rows = embedding(learnt, 5)
    before = rows.clone()
    forward(learnt.estimator, rows)
    assert rows.equal(before)


def test_the_state_restores_the_estimator(learnt: Learnt, tmp_path: Path) -> None:
    """Another object, built with other random weights, gives bit-equal estimates after `restore`."""
    save_file({name: part.contiguous() for name, part in learnt.estimator.state_dict().items()}, tmp_path / "state")
    other = learnt.recipe.build(learnt.estimator.width, learnt.estimator.arms)
    other.restore(load_file(tmp_path / "state"))
    rows = embedding(learnt, 50)
    assert_equal(forward(other.eval(), rows), forward(learnt.estimator, rows))


@pytest.mark.parametrize("row", ROWS)
def test_holds_prompts_says_whether_training_prompts_are_inside(row: str, tmp_path: Path) -> None:
    """61 training prompts, and no other size is 61."""
    estimator = learn_quickly(row, small_world(row), tmp_path).estimator
    sizes = {size for part in estimator.state_dict().values() for size in part.shape}
    assert estimator.holds_prompts == (FEW["train"] in sizes)


@pytest.mark.parametrize("row", ROWS)
def test_the_same_seed_gives_the_same_estimator(row: str, tmp_path: Path) -> None:
    """Bit by bit; rows that draw random numbers differ under another seed, so the seed is what they draw from."""
    world = small_world(row)
    states = [
        learn_quickly(row, world, tmp_path / str(run), seed=seed).estimator.state_dict()
        for run, seed in enumerate((0, 0, 1))
    ]
    same, other = (
        all(torch.equal(part.nan_to_num(-1.0), states[0][name].nan_to_num(-1.0)) for name, part in state.items())
        for state in states[1:]
    )
    assert same
    assert not (other and row in DRAWN)


@pytest.mark.parametrize("row", ROWS)
def test_training_leaves_its_examples_alone(row: str, tmp_path: Path) -> None:
    world = small_world(row)
    before = world.embedding.copy(), world.table.quality.copy(), world.table.cost_usd.copy()
    learn_quickly(row, world, tmp_path)
    after = world.embedding, world.table.quality, world.table.cost_usd
    assert all(np.array_equal(one, other, equal_nan=True) for one, other in zip(before, after, strict=True))


@pytest.mark.parametrize("row", [row for row in ROWS if row not in NEEDS_USAGE])
def test_unknown_usage_is_nan_and_spoils_nothing(row: str, tmp_path: Path) -> None:
    """The costs of one arm, then of all arms, are forgotten: their usage is NaN, quality stays as it was."""
    known = cost_world(seed=0, width=WIDTH, sizes=FEW)
    partly, unknown = known.table.cost_usd.copy(), np.full_like(known.table.cost_usd, np.nan)
    partly[:, 1] = np.nan
    all_known, one_unknown, all_unknown = (
        estimates(learn_quickly(row, world, tmp_path / str(run)))
        for run, world in enumerate((known, with_costs(known, partly), with_costs(known, unknown)))
    )
    assert np.isnan(all_unknown.usage).all() and np.isfinite(all_unknown.quality).all()
    assert np.isnan(one_unknown.usage).any(axis=0).tolist() == [False, True, False, False]
    assert np.isfinite(one_unknown.quality).all() and (all_known.usage > 0).any()
    if row not in USAGE_SHARES_WEIGHTS:
        np.testing.assert_allclose(one_unknown.quality, all_known.quality, atol=1e-6)
        np.testing.assert_allclose(all_unknown.quality, all_known.quality, atol=1e-6)


@pytest.mark.parametrize("row", NEEDS_USAGE)
def test_a_row_that_needs_usage_says_so(row: str, tmp_path: Path) -> None:
    world = small_world(row)
    unknown = with_costs(world, np.full_like(world.table.cost_usd, np.nan))
    with pytest.raises(ValueError, match=rf"{row} trades quality against usage .* unknown: use mlp"):
        learn_quickly(row, unknown, tmp_path)


@pytest.mark.parametrize("row", [row for row in ROWS if row not in NEEDS_VOTES])
def test_a_pool_of_one_arm_works(row: str, tmp_path: Path) -> None:
    learnt = learn_quickly(row, small_world_of_one(row), tmp_path)
    found = estimates(learnt)
    assert found.quality.shape == (FEW["test"], 1) and np.isfinite(found.quality).all()


@pytest.mark.parametrize("row", NEEDS_VOTES)
def test_a_row_that_needs_votes_says_so(row: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=rf"{row} learns from votes between arms, and no training prompt has one"):
        learn_quickly(row, small_world_of_one(row), tmp_path)


def small_world_of_one(row: str) -> World:
    """The first arm of a row's small world; no votes are left."""
    world = small_world(row)
    return replace(world, table=world.table.select(["arm0"]), worth=world.worth[:, :1], votes=None)


@pytest.mark.parametrize("row", ROWS)
def test_one_training_prompt_is_enough(row: str, tmp_path: Path) -> None:
    """Nothing to cluster, to average or to spread, and still numbers."""
    world = small_world(row)
    splits = ["train", *("left out" if split == "train" else split for split in world.table.splits[1:])]
    found = estimates(learn_quickly(row, replace(world, table=world.table.with_splits(splits)), tmp_path))
    assert np.isfinite(found.quality).all() and np.isfinite(found.spread).all()


@pytest.mark.parametrize("row", ROWS)
def test_equal_prompts_are_averaged(row: str, tmp_path: Path) -> None:
    """Every training prompt is the same: estimates are finite, and a calibrated one is near the mean quality there."""
    world = small_world(row)
    same = replace(world, embedding=np.tile(world.embedding[:1], (len(world.embedding), 1)))
    learnt = learn_quickly(row, same, tmp_path)
    found = estimates(learnt)
    assert np.isfinite(found.quality).all() and np.isfinite(found.spread).all()
    if row in CLOSED and learnt.estimator.quality_kind == "calibrated":
        mean = world.table.quality[world.rows("train")].mean(axis=0)
        np.testing.assert_allclose(found.quality, np.tile(mean, (FEW["test"], 1)), atol=0.02)


@pytest.mark.parametrize("row", CLOSED)
def test_permuting_arms_permutes_estimates(row: str, tmp_path: Path) -> None:
    """Fitted again on the arms in another order."""
    world = small_world(row)
    order = [2, 0, 3, 1]
    names = [world.table.arms[number] for number in order]
    votes = None if world.votes is None else world.votes.select(names)
    permuted = replace(world, table=world.table.select(names), worth=world.worth[:, order], votes=votes)
    first = estimates(learn_quickly(row, world, tmp_path / "first"))
    second = estimates(learn_quickly(row, permuted, tmp_path / "second"))
    for name, one, other in zip(Estimates._fields, first, second, strict=True):
        np.testing.assert_allclose(other, one[:, order], atol=1e-4, err_msg=name)


@pytest.mark.parametrize("row", DRAWN)
def test_permuting_what_was_learnt_permutes_estimates(row: str, tmp_path: Path) -> None:
    """In a state whose only dimensions of size 4 are arms, permuting those dimensions permutes the estimates."""
    learnt = learn_quickly(row, small_world(row), tmp_path)
    order = torch.tensor([2, 0, 3, 1])
    state = {}
    for name, part in learnt.estimator.state_dict().items():
        for axis, size in enumerate(part.shape):
            part = part.index_select(axis, order) if size == len(order) else part
        state[name] = part
    permuted = learnt.recipe.build(learnt.estimator.width, learnt.estimator.arms).eval()
    permuted.restore(state)
    rows = torch.from_numpy(learnt.embedding(learnt.world.rows("test")))
    expected = Estimates(*(part[:, order] for part in forward(learnt.estimator, rows)))
    assert_equal(forward(permuted, rows), expected, 1e-6)
