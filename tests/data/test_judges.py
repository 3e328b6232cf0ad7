import pytest
from hypothesis import given
from hypothesis import strategies as st

from anabranch.data.answers import canonical
from anabranch.data.judges import JUDGES, Judge, exact, multiple_choice, numeric
from anabranch.registry import resolve

REFERENCES = {"exact": "Paris", "multiple-choice": "B", "numeric": "42"}


@pytest.mark.parametrize("name", JUDGES)
def test_a_name_leads_to_its_judge(name: str) -> None:
    judge = resolve(name, JUDGES, "judge")

    assert isinstance(judge, Judge)
    assert judge.name == name
    assert judge.version
    assert judge.score(REFERENCES[name], REFERENCES[name]) == 1.0


@pytest.mark.parametrize("name", JUDGES)
def test_no_answer_earns_nothing(name: str) -> None:
    assert resolve(name, JUDGES, "judge").score("no answer", REFERENCES[name]) == 0.0


@pytest.mark.parametrize("name", JUDGES)
def test_a_reference_without_an_answer_is_an_error(name: str) -> None:
    with pytest.raises(ValueError, match=r"reference '\?' is no answer of kind .* must give exactly one; correct it"):
        resolve(name, JUDGES, "judge").score("Paris", "?")


@pytest.mark.parametrize("name", JUDGES)
@given(answer=st.text())
def test_any_answer_gets_a_score(name: str, answer: str) -> None:
    assert resolve(name, JUDGES, "judge").score(answer, REFERENCES[name]) in (0.0, 1.0)


@given(st.fractions(), st.fractions(), st.floats(0, 0.99))
def test_numeric_is_symmetric(one: object, other: object, tolerance: float) -> None:
    assert numeric(str(one), str(other), tolerance) == numeric(str(other), str(one), tolerance)


@given(st.sampled_from("ABC"), st.sampled_from("ABC"))
def test_multiple_choice_is_symmetric_and_tells_letters_apart(one: str, other: str) -> None:
    assert multiple_choice(one, other) == multiple_choice(other, one) == float(one == other)


@given(st.text(max_size=6), st.text(max_size=6))
def test_exact_is_symmetric(one: str, other: str) -> None:
    keys = canonical(one, "text"), canonical(other, "text")
    if keys[0] and keys[1]:
        assert exact(keys[0], keys[1]) == exact(keys[1], keys[0]) == float(keys[0] == keys[1])


@pytest.mark.parametrize(
    ("answer", "reference", "quality"),
    [("0.50", "1/2", 1.0), ("$1,000", "1e3", 1.0), ("0.3333333333333333", "1/3", 0.0), ("-7", "7", 0.0)],
)
def test_numeric_does_not_round(answer: str, reference: str, quality: float) -> None:
    assert numeric(answer, reference) == quality


def test_the_tolerance_is_of_the_larger_magnitude() -> None:
    """75 and 100 differ by 25, a quarter of 100; 74 by 26, more than a quarter. 1/4 is exact in binary."""
    assert numeric("75", "100", 0.25) == 1.0
    assert numeric("74", "100", 0.25) == 0.0


@pytest.mark.parametrize("tolerance", [-0.1, 1.0, float("nan")])
def test_a_tolerance_outside_the_range_is_refused(tolerance: float) -> None:
    with pytest.raises(ValueError, match=r"relative_tolerance is .*; it must lie in \[0, 1\)"):
        numeric("1", "1", tolerance)


def test_options_let_words_stand_for_letters() -> None:
    assert multiple_choice("It is (B).", "Paris", ["Rome", "Paris"]) == 1.0
    assert multiple_choice("Rome", "B", ["Rome", "Paris"]) == 0.0
