from dataclasses import replace
from typing import get_args

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anabranch.data.replay_table import ReplayTable
from anabranch.routers.deferral.signal_maps import Sigmoid, Steps
from anabranch.training.replay.signal_calibration import Form, calibrate_signal

FORMS = get_args(Form)
SEEDS = st.integers(0, 10_000)


def world(seed: int, prompts: int = 40, models: int = 2, samples: int = 2) -> ReplayTable:
    """Signals are eighths in [-2, 2] and tie; some are unknown, some answers are not recorded."""
    rng = np.random.default_rng(seed)
    shape = (prompts, models, samples)
    signal = rng.integers(-16, 17, shape) / 8
    quality = (rng.random(shape) < 1 / (1 + np.exp(-2 * signal))).astype(float)
    signal[rng.random(shape) < 0.1] = np.nan
    quality[rng.random(shape) < 0.1] = np.nan
    return ReplayTable.from_arrays([f"m{model}" for model in range(models)], quality, signals={"sure": signal})


def test_a_staircase_by_hand() -> None:
    """Signals 1 1 2 3 4 and right 0 1 1 0 1: means 1/2, 1, 0, 1; 2 and 3 are pooled to 1/2, and so equal to 1: the
    edges are 1 and 4. Between them the lower step counts."""
    signal, right = [[1.0], [1.0], [2.0], [3.0], [4.0]], [[0.0], [1.0], [1.0], [0.0], [1.0]]
    table = ReplayTable.from_arrays(["owl"], right, signals={"sure": signal})
    calibrated = calibrate_signal(table, "sure", enough=1)
    assert calibrated.maps == (Steps((1.0, 4.0), (0.5, 1.0)),)
    assert calibrated.maps[0]([0.0, 3.999, 4.0, 9.0, np.inf]).tolist()[:4] == [0.5, 0.5, 1.0, 1.0]
    other = ReplayTable.from_arrays(["owl"], [[np.nan], [0.0]], signals={"sure": [[5.0], [np.nan]]})
    np.testing.assert_array_equal(calibrated.on(other)[:, 0, 0], [1.0, np.nan])


def test_two_prompts_are_each_mapped_by_the_other() -> None:
    """Whatever its signal, a prompt gets what the other one was."""
    table = ReplayTable.from_arrays(["owl"], [[0.0], [1.0]], signals={"sure": [[0.1], [0.9]]})
    assert calibrate_signal(table, "sure", folds=2).chance[:, 0, 0].tolist() == [1.0, 0.0]


@pytest.mark.parametrize("right", [0.0, 1.0])
def test_constant_labels_and_constant_signals(right: float) -> None:
    """Ten answers that are all right: isotonic says 1, Platt's targets 11/12. A constant signal gives the mean."""
    rows = np.arange(10.0)[:, None]
    table = ReplayTable.from_arrays(["owl"], np.full((10, 1), right), signals={"sure": rows, "flat": 0 * rows})
    for name in ("sure", "flat"):
        isotonic, platt = (calibrate_signal(table, name, form, enough=1) for form in ("isotonic", "platt"))
        assert isotonic.maps[0]([-1.0, 3.0]).tolist() == [right, right]
        assert platt.maps[0]([0.0, 3.0]) == pytest.approx([abs(right - 1 / 12)] * 2, abs=1e-3)


def test_platt_finds_the_sigmoid_of_its_world() -> None:
    """Log odds 2 x: slope 2, shift 0; against the grain the slope is 0."""
    table = world(0, prompts=1500)
    for one in calibrate_signal(table, "sure", "platt").maps:
        assert isinstance(one, Sigmoid)
        assert one.slope == pytest.approx(2.0, abs=0.2) and one.shift == pytest.approx(0.0, abs=0.15)
    against = calibrate_signal(table.with_signal("unsure", -table.signals["sure"]), "unsure", "platt")
    assert [one.slope for one in against.maps if isinstance(one, Sigmoid)] == [0.0, 0.0]


@pytest.mark.parametrize("form", FORMS)
def test_chances_are_chances(form: Form) -> None:
    """Of answers whose chance lies in one quarter, that share is right, to 0.05 with 300 or more in it."""
    table = world(1, prompts=1500)
    chance = calibrate_signal(table, "sure", form).chance
    for low in (0.0, 0.25, 0.5, 0.75):
        rows = (chance >= low) & (chance <= low + 0.25) & table.recorded
        assert rows.sum() > 300
        assert table.quality[rows].mean() == pytest.approx(chance[rows].mean(), abs=0.05)


@given(seed=SEEDS, form=st.sampled_from(FORMS))
@settings(max_examples=20, deadline=None)
def test_maps_rise_into_the_unit_interval_and_keep_the_unknown(seed: int, form: Form) -> None:
    table = world(seed)
    calibrated = calibrate_signal(table, "sure", form, enough=20)
    assert (np.isnan(calibrated.chance) == np.isnan(table.signals["sure"])).all()
    for one in calibrated.maps:
        chances = one(np.linspace(-3, 3, 200))
        assert (np.diff(chances) >= 0).all() and chances.min() >= 0 and chances.max() <= 1
        assert np.isnan(one([np.nan, np.inf, -np.inf])).all()


@given(seed=SEEDS, row=st.integers(0, 39), form=st.sampled_from(FORMS))
@settings(max_examples=20, deadline=None)
def test_how_good_an_answer_was_does_not_show_in_its_own_chance(seed: int, row: int, form: Form) -> None:
    table = world(seed)
    other = table.quality.copy()
    other[row] = 1 - other[row]
    changed = calibrate_signal(replace(table, quality=other), "sure", form, enough=20).chance
    np.testing.assert_array_equal(changed[row], calibrate_signal(table, "sure", form, enough=20).chance[row])


@given(seed=SEEDS)
@settings(max_examples=20, deadline=None)
def test_isotonic_reads_only_the_order_of_signals(seed: int) -> None:
    """The cube of an eighth is exact: the same chances out of fold, and the same on other prompts."""
    table, other = world(seed), world(seed + 1)
    cubed, other_cubed = (each.with_signal("cube", each.signals["sure"] ** 3) for each in (table, other))
    plain, cube = calibrate_signal(table, "sure", enough=20), calibrate_signal(cubed, "cube", enough=20)
    np.testing.assert_array_equal(plain.chance, cube.chance)
    np.testing.assert_array_equal(plain.on(other), cube.on(other_cubed))


@given(seed=SEEDS)
@settings(max_examples=10, deadline=None)
def test_platt_does_not_mind_units(seed: int) -> None:
    table = world(seed)
    moved = table.with_signal("moved", 8 * table.signals["sure"] - 4)
    plain, other = (calibrate_signal(each, name, "platt") for each, name in ((table, "sure"), (moved, "moved")))
    np.testing.assert_allclose(plain.chance, other.chance, atol=1e-5)


def test_a_model_with_few_answers_gets_the_map_of_all() -> None:
    """The second model has one answer, which is wrong: its map is that of three answers, of which 2/3 are right."""
    quality = [[1.0, np.nan], [1.0, np.nan], [np.nan, 0.0]]
    table = ReplayTable.from_arrays(["owl", "wren"], quality, signals={"sure": np.zeros((3, 2))})
    own, shared = calibrate_signal(table, "sure", enough=2, folds=3).maps
    assert own([0.0]).item() == 1.0 and shared([0.0]).item() == pytest.approx(2 / 3)


def test_right_can_begin_at_a_quality() -> None:
    table = ReplayTable.from_arrays(["owl"], [[0.25], [0.5], [0.75]], signals={"sure": [[0.0], [0.0], [0.0]]})
    graded, right = (calibrate_signal(table, "sure", right=least, folds=3).maps[0] for least in (None, 0.5))
    assert (graded([0.0]).item(), right([0.0]).item()) == pytest.approx((0.5, 2 / 3))


def test_what_cannot_be_calibrated_is_refused() -> None:
    table = world(0)
    with pytest.raises(ValueError, match=r"unknown signal 'calm'; signals of the table: \['sure'\]"):
        calibrate_signal(table, "calm")
    with pytest.raises(ValueError, match="a fold has nothing to learn from"):
        calibrate_signal(replace(table, quality=np.full_like(table.quality, np.nan)), "sure")
    with pytest.raises(ValueError, match="3 models; the signal was calibrated for 2"):
        calibrate_signal(table, "sure").on(world(0, models=3))
