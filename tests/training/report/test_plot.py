from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from matplotlib.colors import to_rgb
from matplotlib.image import imread

from anabranch.training.report.contents import Report
from anabranch.training.report.palette import ORACLE_COLOUR, look
from anabranch.training.report.plot import save_png


def colours(report: Report, folder: Path) -> set[tuple[int, ...]]:
    save_png(report, folder / "chart.png")
    picture = (imread(folder / "chart.png")[:, :, :3] * 255).round().astype(np.uint8)
    assert picture.shape[1] == 1500
    return {tuple(int(channel) for channel in pixel) for pixel in np.unique(picture.reshape(-1, 3), axis=0)}


def rgb(colour: str) -> tuple[int, ...]:
    return tuple(round(255 * channel) for channel in to_rgb(colour))


def test_routers_and_the_oracle_are_drawn_in_their_colours(priced: Report, tmp_path: Path) -> None:
    drawn = colours(priced, tmp_path)
    assert {rgb(look(0).colour), rgb(look(1).colour), rgb(ORACLE_COLOUR)} <= drawn
    assert rgb(look(2).colour) not in drawn


def test_shares_of_calls_are_drawn_too(pair: Report, tmp_path: Path) -> None:
    assert rgb(look(0).colour) in colours(pair, tmp_path)


def test_without_costs_qualities_are_ranked(unpriced: Report, tmp_path: Path) -> None:
    drawn = colours(unpriced, tmp_path)
    assert rgb(look(0).colour) in drawn
    assert rgb(ORACLE_COLOUR) not in drawn


@pytest.mark.parametrize("name", ["$x^{$", "a$b$c", "<b>&"])
def test_a_name_is_never_read_as_a_formula(priced: Report, tmp_path: Path, name: str) -> None:
    first = priced.routers[0]
    renamed = replace(priced, labels=name, routers=(replace(first, row=replace(first.row, name=name)),))
    assert rgb(look(0).colour) in colours(renamed, tmp_path)


def test_baselines_alone_can_be_drawn(priced: Report, unpriced: Report, tmp_path: Path) -> None:
    assert rgb(ORACLE_COLOUR) in colours(replace(priced, routers=()), tmp_path)
    assert rgb(look(0).colour) not in colours(replace(unpriced, routers=()), tmp_path)


def test_a_cascade_is_drawn_as_a_router_is_unless_its_cost_is_unknown(cascaded: Report, tmp_path: Path) -> None:
    drawn = colours(cascaded, tmp_path)
    assert rgb(look(1).colour) in drawn
    ranked = replace(cascaded, cost_unit="none", frontier=())
    assert rgb(look(2).colour) in colours(ranked, tmp_path)
