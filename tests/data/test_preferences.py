import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from anabranch.data.outcomes import Outcomes
from anabranch.data.preferences import Preferences

NAN = np.nan


def votes(**change: list[float]) -> Preferences:
    columns = {"prompt": [0, 1, 2], "arm_a": [0, 0, 1], "arm_b": [1, 2, 2], "p_b": [1.0, 0.5, 0.0]}
    columns |= change
    return Preferences(
        arms=("a", "b", "c"),
        prompt=np.array(columns["prompt"]),
        arm_a=np.array(columns["arm_a"]),
        arm_b=np.array(columns["arm_b"]),
        p_b=np.array(columns["p_b"], np.float32),
        weight=np.array(change.get("weight", [1, 1, 1]), np.float32),
    )


def test_from_outcomes_votes_on_every_known_pair() -> None:
    """Prompt 0 knows a and c: c wins. Prompt 1 knows all: a = b, c loses to both."""
    outcomes = Outcomes.from_arrays(["a", "b", "c"], [[0.0, NAN, 1.0], [1.0, 1.0, 0.0]])

    found = Preferences.from_outcomes(outcomes)

    assert list(zip(found.prompt, found.arm_a, found.arm_b, found.p_b, strict=True)) == [
        (0, 0, 2, 1.0),
        (1, 0, 1, 0.5),
        (1, 0, 2, 0.0),
        (1, 1, 2, 0.0),
    ]
    assert found.weight.tolist() == [1.0] * 4


@given(st.lists(st.lists(st.sampled_from([0.0, 0.5, 1.0, NAN]), min_size=4, max_size=4), min_size=1, max_size=5))
def test_k_known_arms_give_k_choose_2_votes(quality: list[list[float]]) -> None:
    known = (~np.isnan(quality)).sum(axis=1)

    found = Preferences.from_outcomes(Outcomes.from_arrays(list("abcd"), quality))

    assert len(found) == (known * (known - 1) // 2).sum()


def test_take_renumbers_prompts() -> None:
    """Of three prompts, 2 and 0 are taken: vote 0 is now on row 1, vote 2 on row 0, vote 1 is gone."""
    taken = votes().take([2, 0], prompts=3)

    assert taken.prompt.tolist() == [1, 0]
    assert taken.arm_a.tolist() == [0, 1]
    assert taken.p_b.tolist() == [1.0, 0.0]


def test_take_accepts_a_mask() -> None:
    assert votes().take([False, True, False], prompts=3).prompt.tolist() == [0]


def test_select_keeps_votes_between_the_arms_named() -> None:
    """Only the vote b against c is between the two; in the new order c is 0 and b is 1."""
    chosen = votes().select(["c", "b"])

    assert chosen.arms == ("c", "b")
    assert (chosen.arm_a.tolist(), chosen.arm_b.tolist()) == ([1], [0])
    assert chosen.prompt.tolist() == [2]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"p_b": [0.5, 2.0, 0.0]}, r"p_b\[1\] is 2.0; it must lie in \[0, 1\]"),
        ({"p_b": [0.5, 0.5, NAN]}, r"p_b\[2\] is nan"),
        ({"arm_b": [1, 3, 2]}, r"arm_b\[1\] is 3; it must lie in \[0, 2\]"),
        ({"weight": [1, 1, -1]}, r"weight\[2\] is -1.0"),
        ({"arm_b": [1, 0, 2]}, "vote 1 compares 'a' with itself"),
        ({"p_b": [0.5]}, r"p_b has shape \(1,\), not \(3,\)"),
    ],
)
def test_what_breaks_a_rule_is_named(change: dict[str, list[float]], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        votes(**change)
