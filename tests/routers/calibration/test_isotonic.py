"""Isotonic regression."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from anabranch.routers.calibration.isotonic import RESOLUTION, Isotonic


def mapped(cells: list[tuple[float, float]], at: list[float]) -> list[float]:
    """What a map fitted on (estimate, outcome) says of other estimates."""
    estimated, observed = torch.tensor(cells).T.unsqueeze(2)
    fitted = Isotonic(1)
    fitted.fit(estimated, observed)
    found: list[float] = fitted(torch.tensor(at).unsqueeze(1)).squeeze(1).tolist()
    return found


def test_violators_are_pooled() -> None:
    """Outcomes 0, 1, 0, 1 at 0.205, 0.405, 0.605, 1: the middle two make 1/2. Cells are 0.01 wide, and knots lie in
    their middles, where the estimates are too but for the last, whose cell begins at 1."""
    cells = [(0.205, 0.0), (0.405, 1.0), (0.605, 0.0), (1.0, 1.0)]
    assert mapped(cells, [0.205, 0.405, 0.5, 0.605, 1.005]) == pytest.approx([0, 0.5, 0.5, 0.5, 1], abs=1e-5)


def test_it_is_linear_between_knots_and_constant_outside() -> None:
    """0.25 at 0.205 and 0.75 at 0.605: a quarter of the way is 0.375 at 0.305."""
    cells = [(0.205, 0.25), (0.605, 0.75), (1.0, 0.75)]
    assert mapped(cells, [0.0, 0.205, 0.305, 0.605, 2.0]) == pytest.approx([0.25, 0.25, 0.375, 0.75, 0.75], abs=1e-5)


def test_many_prompts_weigh_more() -> None:
    """Three outcomes of 1 at 0.205 and one of 0 at 1 pool to 3/4."""
    assert mapped([(0.205, 1.0)] * 3 + [(1.0, 0.0)], [0.1, 0.9]) == pytest.approx([0.75, 0.75])


def test_arms_have_knots_of_their_own_number() -> None:
    """Two steps for the first arm, one for the second: the shorter row repeats its last knot, which changes nothing."""
    estimated = torch.tensor([[0.205, 0.405], [1.0, 0.405]])
    fitted = Isotonic(2, enough=1)
    fitted.fit(estimated, torch.tensor([[0.0, 1.0], [1.0, 0.0]]))
    assert fitted.knots.shape == (2, 2)
    assert fitted(torch.tensor([[0.0, 0.0], [1.1, 1.1]])).tolist() == [[0.0, 0.5], [1.0, 0.5]]


@given(st.lists(st.tuples(st.floats(-50, 50), st.sampled_from([0.0, 1.0])), min_size=1, max_size=60))
def test_it_is_never_steeper_than_its_resolution(cells: list[tuple[float, float]]) -> None:
    """So an error of 1e-6 of the largest estimate is an error of 1e-4 in quality at most."""
    estimated, observed = torch.tensor(cells).T.unsqueeze(2)
    fitted = Isotonic(1, "score")
    fitted.fit(estimated, observed)
    gap = fitted.knots.diff(dim=1)
    largest = float(estimated.abs().max())
    assert (fitted.values.diff(dim=1) >= 0).all()
    assert ((gap >= 0.99 * RESOLUTION * largest) | (fitted.values.diff(dim=1) == 0)).all()
