import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from anabranch.data.text_keys import near_duplicate_groups, normalised


def words(start: int, count: int) -> list[str]:
    return [f"w{number}" for number in range(start, start + count)]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("What is  AI?", "what is ai"),
        ("Straße", "STRASSE"),
        ("ﬁne print", "fine print"),
        ("Fill in the ____.", "fill in the _"),
        ("a well-known fact", "A well known fact!"),
    ],
)
def test_equal_but_for_form(one: str, other: str) -> None:
    assert normalised(one) == normalised(other)


@pytest.mark.parametrize(("one", "other"), [("3 + 4", "3 - 4"), ("x = 5", "x > 5"), ("-5", "5"), ("???", "!!!")])
def test_different_questions_stay_different(one: str, other: str) -> None:
    assert normalised(one) != normalised(other)


def test_no_texts_no_groups() -> None:
    assert near_duplicate_groups([]).tolist() == []


def test_groups_are_numbered_as_they_appear() -> None:
    assert near_duplicate_groups(["b", "a", "B!", "c", "a"]).tolist() == [0, 1, 0, 2, 1]


def test_near_duplicates_share_most_of_their_3_grams() -> None:
    """20 words have 18 3-grams. Another last word changes 1: 17 of 19 shared, 0.89; a middle one changes 3:
    15 of 21, 0.71."""
    text = words(0, 20)
    last, middle = text[:19] + ["other"], text[:10] + ["other"] + text[11:]

    groups = near_duplicate_groups([" ".join(text), " ".join(last), " ".join(middle)])

    assert groups.tolist() == [0, 0, 1]


def test_the_threshold_decides() -> None:
    text = words(0, 20)
    pair = [" ".join(text), " ".join(text[:10] + ["other"] + text[11:])]

    assert near_duplicate_groups(pair, threshold=0.71).tolist() == [0, 0]
    assert near_duplicate_groups(pair, threshold=0.72).tolist() == [0, 1]


def test_groups_are_connected_components() -> None:
    """30 words have 28 3-grams. Two other words at an end change 2: 26 of 30, 0.87; at both ends 24 of 32, 0.75."""
    text = words(0, 30)
    steps = [text, text[:28] + ["x", "y"], ["u", "v"] + text[2:28] + ["x", "y"]]

    assert near_duplicate_groups([" ".join(step) for step in steps]).tolist() == [0, 0, 0]
    assert near_duplicate_groups([" ".join(steps[0]), " ".join(steps[2])]).tolist() == [0, 1]


def test_a_long_shared_prefix_makes_no_duplicates() -> None:
    """30 prompts share 200 words, and differ in 6: their common 3-grams are in more than 10 texts."""
    prefix = words(0, 200)
    prompts = [" ".join(prefix + words(1000 * (one + 1), 6)) for one in range(30)]

    assert near_duplicate_groups(prompts).tolist() == list(range(30))


def test_questions_behind_a_shared_prefix_can_still_be_duplicates() -> None:
    """Prompts 0 and 30 share a question of 20 words but for the last: 19 of 21 rare 3-grams (2 cross over)."""
    prefix = words(0, 200)
    prompts = [" ".join(prefix + words(1000 * (one + 1), 20)) for one in range(30)]
    prompts.append(" ".join(prefix + words(1000, 19) + ["other"]))

    assert near_duplicate_groups(prompts).tolist() == [*range(30), 0]


def test_texts_of_common_3_grams_only_join_their_exact_equals() -> None:
    """Of 13 different texts, each 3-gram of "a b c d" stands in 13: only its two copies are one."""
    prompts = ["a b c d", *(f"a b c d {tail}" for tail in words(0, 12)), "A B C D."]

    assert near_duplicate_groups(prompts).tolist() == [*range(13), 0]


@given(st.lists(st.sampled_from(["a b c", "a b c d", "q r s t u", "", "x"]), max_size=12), st.randoms())
def test_the_order_of_texts_does_not_matter(texts: list[str], random: object) -> None:
    order = list(range(len(texts)))
    random.shuffle(order)  # type: ignore[attr-defined]

    groups = near_duplicate_groups(texts)
    shuffled = near_duplicate_groups([texts[i] for i in order])

    same = groups[order][:, None] == groups[order]
    assert (same == (shuffled[:, None] == shuffled)).all()
    assert (np.unique(groups) == np.arange(len(set(texts)))).all()


@pytest.mark.parametrize("threshold", [0.0, 1.5, float("nan")])
def test_a_threshold_outside_0_to_1_is_refused(threshold: float) -> None:
    with pytest.raises(ValueError, match=r"it must lie in \(0, 1\]"):
        near_duplicate_groups(["a"], threshold=threshold)
