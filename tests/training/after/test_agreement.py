import numpy as np
import pytest

from anabranch.data.replay_table import NO_KEY, ReplayTable
from anabranch.training.after.agreement import agreement, choices


def table(key: list[list[list[int]]], right: int = 1) -> ReplayTable:
    """[N][M][R]; one key is right."""
    said = np.array(key)
    return ReplayTable.from_arrays([f"m{model}" for model in range(said.shape[1])], said == right, key=said)


def test_agreement_by_hand() -> None:
    """Of the first model's 1 1 and the second's 1 2, two of four pairs agree; on the next prompt one of two does.

    Samples of one: (1, 1) and nothing, so 1; (1, 2) and (2, 1), so 0.
    """
    found = agreement(table([[[1, 1], [1, 2]], [[1, NO_KEY], [2, 1]]]))
    assert found == pytest.approx(np.array([[1.0, 0.5], [0.5, 0.0]]))


def test_who_was_never_compared_is_unknown() -> None:
    found = agreement(table([[[1], [NO_KEY]], [[NO_KEY], [1]]]))
    assert np.isnan(found).all()


def test_what_is_not_recorded_agrees_with_nobody() -> None:
    said = ReplayTable.from_arrays(["a", "b"], [[1.0, np.nan], [1.0, 1.0]], key=[[1, 1], [1, 2]])
    assert agreement(said)[0, 1] == 0.0


def test_wrong_answers_tell_how_many_there_are() -> None:
    """Both wrong on four prompts, the same on one: 1 + (4 + 1) / (1 + 1). One wrong answer tells nothing."""
    wrong = [[[2], [2]], [[2], [3]], [[3], [4]], [[4], [2]]]
    assert choices(table([*wrong, [[1], [1]], [[1], [2]], [[NO_KEY], [2]]])) == 3.5


def test_nothing_known_is_two_and_what_is_asked_for_holds() -> None:
    nothing = table([[[1], [1]]])
    assert (choices(nothing), choices(nothing, 5)) == (2.0, 5.0)
    for asked in (1, -1):
        with pytest.raises(ValueError, match="at least 2 answers to choose from"):
            choices(nothing, asked)


@pytest.mark.parametrize("count", [2, 4, 10])
def test_the_number_of_answers_is_found(count: int) -> None:
    """Independent errors, each wrong answer as likely: K comes back within a tenth."""
    rng = np.random.default_rng(0)
    right = rng.random((4000, 3, 1)) < np.array([0.4, 0.5, 0.6])[:, None]
    said = ReplayTable.from_arrays(["a", "b", "c"], right, key=np.where(right, 0, rng.integers(1, count, right.shape)))
    assert choices(said) == pytest.approx(count, rel=0.1)
