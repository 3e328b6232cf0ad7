import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from anabranch.routers.estimators.label_table import LabelTable
from tests.routers.estimators.batches import NAN


def table(label: list[list[float]], values: list[list[float]], prior: float) -> LabelTable:
    made = LabelTable(len(values[0]))
    made.set(torch.tensor(label), torch.tensor(values), prior)
    return made


def test_rows_are_means_shrunk_to_the_overall_mean() -> None:
    """Two labels, two columns. Overall means are 2/3 and 1, worth one prompt.

    The first label has (1, 3) and (0, 0): (1 + 2/3) / 3 and (3 + 1) / 3; the second (1, 0): (1 + 2/3) / 2 and 1 / 2.
    """
    found = table([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]], [[1.0, 3.0], [0.0, 0.0], [1.0, 0.0]], prior=1.0).table
    torch.testing.assert_close(found, torch.tensor([[5 / 9, 4 / 3], [5 / 6, 1 / 2]]))


def test_a_prompt_belongs_to_labels_by_weight() -> None:
    """The first label: (0.75 * 1 + 0.25 * 0) / 1; the second: (0.25 * 1 + 0.75 * 0) / 1."""
    found = table([[0.75, 0.25], [0.25, 0.75]], [[1.0], [0.0]], prior=0.0).table
    torch.testing.assert_close(found, torch.tensor([[0.75], [0.25]]))


def test_a_prompt_without_labels_teaches_only_the_overall_mean() -> None:
    """Overall (1 + 0) / 2, worth one prompt beside the labelled one: (1 + 1/2) / 2."""
    assert table([[1.0], [0.0]], [[1.0], [0.0]], prior=1.0).table.item() == pytest.approx(0.75)


@pytest.mark.parametrize("prior", [0.0, 5.0])
def test_a_label_that_knows_nothing_has_the_overall_mean(prior: float) -> None:
    """Nobody has the second label, and the third's only cell is unknown; (1 + 0) / 2."""
    label = [[1.0, 0.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]]
    found = table(label, [[1.0], [0.0], [NAN]], prior)
    assert found.table.flatten().tolist() == pytest.approx([0.5] * 3)


def test_a_column_known_nowhere_stays_unknown_and_spoils_no_other() -> None:
    found = table([[1.0], [1.0]], [[1.0, NAN], [0.0, NAN]], prior=2.0)(torch.ones(1, 1))[0]
    assert found[0].item() == 0.5 and found[1].isnan()


@given(st.lists(st.floats(0, 1, width=32), min_size=6, max_size=6), st.floats(0, 10))
def test_means_stay_within_their_range(values: list[float], prior: float) -> None:
    """Whatever the labels' weights, a mean of qualities in [0, 1] is one."""
    draws = torch.Generator().manual_seed(0)
    made = LabelTable(1)
    made.set(torch.rand(6, 3, generator=draws), torch.tensor(values).unsqueeze(1), prior)
    assert (made.table >= min(values) - 1e-6).all() and (made.table <= max(values) + 1e-6).all()
