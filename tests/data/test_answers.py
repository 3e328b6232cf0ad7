from fractions import Fraction
from typing import Any, cast, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anabranch.data.answers import AnswerKind, canonical

KINDS: tuple[AnswerKind, ...] = get_args(AnswerKind)
CITIES = ("Rome", "Paris", "Vitamin C", "A man")
PHRASES = (
    "the answer is ",
    "Answer: ",
    "#### ",
    "\\boxed{",
    "}",
    "so ",
    "A",
    "(b)",
    "\n",
    "-",
    "1,000",
    "/2",
    "e9",
    " ",
)
prose = st.one_of(st.text(), st.lists(st.sampled_from(PHRASES) | st.text(max_size=3), max_size=8).map("".join))

NUMBERS = [
    ("42", "42"),
    ("We add 40 and 2.\n#### 42", "42"),
    ("The answer is 1,234.50.", "2469/2"),
    ("So the total is \\boxed{\\frac{3}{4}}.", "3/4"),
    ("\\boxed{3/4}", "3/4"),
    ("\\boxed{x = -\\dfrac{1}{2}}", "-1/2"),
    ("1.5e3", "1500"),
    ("-7", "-7"),
    ("It falls to −7 °C", "-7"),
    ("$1,000", "1000"),
    ("-$20.50", "-41/2"),
    ("\\boxed{\\$1{,}000}", "1000"),
    ("5 apples and 3 pears make 8", "8"),
    ("between 3 and 5, so 4", "4"),
    ("The answer is between 3 and 5, so 4.", "4"),
    ("somewhere between 3 and 5", None),
    ("It is 3 or 4.", None),
    ("Five, or 5.", "5"),
    ("25%", "25"),
    (".5", "1/2"),
    ("0.50", "1/2"),
    ("3½ cups", "7/2"),
    ("2 3/4 miles", "11/4"),
    ("6/4", "3/2"),
    ("１２", "12"),
    ("1.5 × 10^3 m", "1500"),
    ("2 \\times 10^{-2}", "1/50"),
    ("The final answer is: $42$", "42"),
    ("**Answer:** 8 (3 from Ann, 5 from Bob)", "8"),
    ("The answer is 5 + 3 = 8.", "8"),
    ("Answer:\n42", "42"),
    ("5-3", "3"),
    ("The answer is 8. It took 3 steps.", "8"),
    ("答案是42", "42"),
    ("2^10", None),
    ("at 10:30", None),
    ("version 1.2.3", None),
    ("1,23", None),
    ("about 10 000 people", "10000"),
    ("Answer - 5", "5"),
    ("GPT4", None),
    ("1/0", None),
    ("1e999999999", None),
    ("9" * 5000, None),
    ("no answer", None),
    ("I cannot determine this from the 3 facts given.", None),
    ("There are 3 cases. The answer is undefined.", None),
    ("", None),
]

LETTERS = [
    ("B", "B"),
    ("b", "B"),
    ("(B)", "B"),
    ("B.", "B"),
    ("**B**", "B"),
    ("（Ｂ）", "B"),
    ("Option B", "B"),
    ("Answer: b", "B"),
    ("Answer: (b) Paris", "B"),
    ("answer: b) Paris", "B"),
    ("The correct answer is option C because the others fail.", "C"),
    ("The answer is A because it is first.", "A"),
    ("\\boxed{D}", "D"),
    ("\\boxed{\\text{D}}", "D"),
    ("#### C", "C"),
    ("B. Paris", "B"),
    ("(B) Paris is the capital; option A lies in Italy.", "B"),
    ("**C)** Vitamin C", "C"),
    ("I think A is wrong, so B", "B"),
    ("A is wrong. It must be (C).", "C"),
    ("Not A, therefore it must be D.", "D"),
    ("I would choose D", "D"),
    ("D is the correct choice.", "D"),
    ("The answer is A. The final answer is B.", "B"),
    ("I believe (A) is incorrect and (B) is correct", "B"),
    ("The answer is definitely B.", "B"),
    ("Answer - B", "B"),
    ("A) no\nB) yes", None),
    ("A) is hot. B) is cold.", None),
    ("A) this is wrong. B) this is right.", None),
    ("The answer is A, or B.", None),
    ("The answer is not A.", None),
    ("A or B", None),
    ("The answer is A or B.", None),
    ("The answer is A. No, the answer is B.", None),
    ("Either (A) or (C)", None),
    ("A man walked into a bar.", None),
    ("Answer: A man walked in.", None),
    ("The answer is a mammal.", None),
    ("I think it depends.", None),
    ("Vitamin C helps.", None),
    ("K", None),
    ("no answer", None),
    ("???", None),
    ("", None),
]

OPTIONS = [
    ("Paris", "B"),
    ("the answer is paris", "B"),
    ("The answer is Paris. It lies on the Seine.", "B"),
    ("vitamin c.", "C"),
    ("A man", "D"),
    ("A", "A"),
    ("\\boxed{Paris}", "B"),
    ("#### Rome", "A"),
    ("E", None),
    ("London", None),
    ("Paris or Rome", None),
]

TEXTS = [
    ("Paris", "paris"),
    ("  PARIS! ", "paris"),
    ("the Nile", "nile"),
    ("A Tale of Two Cities", "tale of two cities"),
    ("“Hamlet”", "hamlet"),
    ("Straße", "strasse"),
    ("ﬁne", "fine"),
    ("Ｐａｒｉｓ", "paris"),
    ("well-known", "well known"),
    ("**Paris**", "paris"),
    ("`Paris`", "paris"),
    ("*Paris*", "paris"),
    ("2**3", "2 * * 3"),
    ("The answer is Paris.", "paris"),
    ("Let me think.\nFinal answer: Paris", "paris"),
    ("He asked.\n#### The Louvre", "louvre"),
    ("\\boxed{Paris}", "paris"),
    ("Answer: Dr. Smith", "dr smith"),
    ("answer, is: answer is Paris", "paris"),
    ("the", "the"),
    ("A", "a"),
    ("-5", "- 5"),
    ("5", "5"),
    ("No", "no"),
    ("None", "none"),
    ("東京", "東京"),
    ("no answer", None),
    ("N/A", None),
    ("I don't know.", None),
    ("I cannot answer that.", None),
    ("...", None),
    (" \n", None),
    ("", None),
]

ITEMS = [
    ("y, x", "x, y"),
    ("pear,apple", "apple, pear"),
    ("Apple\nPear", "apple, pear"),
    ("- Pear\n- Apple", "apple, pear"),
    ("* Pear\n* Apple", "apple, pear"),
    ("• Pear\n• Apple", "apple, pear"),
    ("1. Pear\n2. Apple", "apple, pear"),
    ("1) Pear\n2) Apple", "apple, pear"),
    ("pear; apple", "apple, pear"),
    ("[pear, apple]", "apple, pear"),
    ("['pear', 'apple']", "apple, pear"),
    ("pear, apple, and plum", "apple, pear, plum"),
    ("the pear, an apple", "apple, pear"),
    ("pear, pear, apple", "apple, pear, pear"),
    ("pear,, apple,", "apple, pear"),
    ("The answer is pear, apple", "apple, pear"),
    ("Answer:\n- pear\n- apple", "apple, pear"),
    ("\\boxed{pear, apple}", "apple, pear"),
    ("#### pear, apple", "apple, pear"),
    ("1,2,3", "1, 2, 3"),
    ("1,234, 5", "1234, 5"),
    ("-5, 5", "- 5, 5"),
    ("salt and pepper", "salt and pepper"),
    ("Pear", "pear"),
    (", ,", None),
    ("no answer", None),
    ("", None),
]
TABLES: dict[AnswerKind, list[tuple[str, str | None]]] = {
    "number": NUMBERS,
    "mcq": LETTERS,
    "text": TEXTS,
    "items": ITEMS,
}


@pytest.mark.parametrize(("kind", "text", "key"), [(kind, *row) for kind, rows in TABLES.items() for row in rows])
def test_what_models_write(kind: AnswerKind, text: str, key: str | None) -> None:
    assert canonical(text, kind) == key


@pytest.mark.parametrize(("text", "key"), OPTIONS)
def test_an_options_words_name_it(text: str, key: str | None) -> None:
    assert canonical(text, "mcq", CITIES) == key


def test_words_of_two_equal_options_name_neither() -> None:
    assert canonical("Paris", "mcq", ["Paris", "paris!", "Rome"]) is None


def test_a_letter_counts_as_a_letter_before_it_counts_as_an_options_words() -> None:
    assert canonical("B", "mcq", ["B", "A"]) == "B"


@given(prose, st.sampled_from(KINDS))
def test_a_key_is_its_own_key(text: str, kind: AnswerKind) -> None:
    key = canonical(text, kind)

    assert key is None or canonical(key, kind) == key


@given(prose, st.lists(st.text(max_size=4), min_size=1, max_size=26))
def test_any_text_gives_a_known_letter_or_none(text: str, options: list[str]) -> None:
    assert canonical(text, "mcq", options) in {None, *"ABCDEFGHIJKLMNOPQRSTUVWXYZ"[: len(options)]}


@given(
    st.integers(-(10**12), 10**12),
    st.integers(0, 4),
    st.sampled_from(["{}", "{}.", "**{}**", "The answer is {}.", "#### {}", "\\boxed{{{}}}", "so {} in all", "{}%"]),
)
def test_forms_of_a_number_agree(digits: int, places: int, frame: str) -> None:
    """The same value as decimal, with thousands separators, with trailing zeros, in exponents and as a fraction."""
    whole, rest = divmod(abs(digits), 10**places)
    sign = "-" if digits < 0 else ""
    tail = f".{rest:0{places}d}" if places else ""
    forms = (
        f"{sign}{whole}{tail}",
        f"{sign}{whole:,}{tail}",
        f"{sign}{whole}{tail or '.'}00",
        f"{digits}e-{places}",
        f"{digits}/{10**places}",
        f"{sign}${whole:,}{tail}",
    )

    assert {canonical(frame.format(form), "number") for form in forms} == {str(Fraction(digits, 10**places))}


@given(
    st.sampled_from("ABCDEFGHIJ"),
    st.sampled_from(["{}", "({})", "{}.", "{})", "[{}]", "**{}**", " {}\n", "Option {}", "({}) Some words"]),
    st.sampled_from(["", "Answer: ", "The answer is ", "The correct answer is: ", "**Final answer:** ", "#### "]),
)
def test_a_letter_agrees_in_any_decoration(letter: str, decoration: str, cue: str) -> None:
    assert canonical(cue + decoration.format(letter), "mcq") == letter


@given(st.lists(st.sampled_from(["pear", "Apple", "the plum", "3"]), min_size=1), st.randoms(use_true_random=False))
def test_items_have_no_order(items: list[str], random: Any) -> None:
    shuffled = random.sample(items, len(items))

    assert canonical(", ".join(items), "items") == canonical("; ".join(shuffled), "items") is not None


def test_a_kind_without_a_canonical_form_is_refused() -> None:
    with pytest.raises(ValueError, match="unknown answer kind 'code'; known: mcq, number, text, items"):
        canonical("x", cast(AnswerKind, "code"))


@pytest.mark.parametrize(("kind", "options"), [("mcq", []), ("mcq", ["x"] * 27), ("text", ["x"])])
def test_options_that_have_no_letters_are_refused(kind: AnswerKind, options: list[str]) -> None:
    with pytest.raises(ValueError, match="give 1 to 26 options, for kind 'mcq' only"):
        canonical("A", kind, options)
