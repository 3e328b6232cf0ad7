from random import Random

import pytest

from anabranch.data.judges import JUDGES, Judge
from anabranch.registry import resolve
from anabranch.upstreams.pocket.families.registry import FAMILIES, TAUGHT, TEST_ONLY
from anabranch.upstreams.pocket.family import LEVELS
from anabranch.upstreams.pocket.members import MEMBERS
from anabranch.upstreams.pocket.questions import draw, families, part_of
from tests.upstreams.pocket.second_opinion import SOLVERS, answer

KINDS = [(family.name, kind) for family in families() for kind in family.kinds]


@pytest.mark.parametrize(("family", "kind"), KINDS)
def test_the_reference_is_what_the_words_ask_for(family: str, kind: str) -> None:
    """The second opinion reads the prompt alone, so a wording that asks for something else is found."""
    (asked,) = families([family])
    rng = Random(5)
    for level in LEVELS:
        for _ in range(60):
            question = draw(rng, asked, kind, level, "asked")
            assert answer(question) == question.reference, question.prompt


@pytest.mark.parametrize(("family", "kind"), KINDS)
def test_its_judge_takes_the_reference_and_no_other_answer(family: str, kind: str) -> None:
    (asked,) = families([family])
    judge: Judge = resolve(asked.kinds[kind].judge, JUDGES, "judge")
    drawn = [draw(Random(seed), asked, kind, 2, "asked").reference for seed in range(20)]
    assert {judge.score(reference, reference) for reference in drawn} == {1.0}
    others = {judge.score(other, drawn[0]) for other in drawn if other != drawn[0]}
    assert others == {0.0}


@pytest.mark.parametrize(("family", "kind"), KINDS)
def test_a_kind_has_several_wordings_and_both_parts(family: str, kind: str) -> None:
    (asked,) = families([family])
    assert len(asked.kinds[kind].wordings) > 1 or family == "facts"  # whose wordings are drawn with the fact
    for part in ("asked", "learnt"):
        assert part_of(draw(Random(1), asked, kind, 1, part).prompt) == part


def test_every_kind_has_a_second_opinion() -> None:
    assert set(SOLVERS) == set(KINDS)


def test_a_quarter_is_never_learnt() -> None:
    """64 of the 256 values of a byte: of 4,000 prompts 1,000, with a standard deviation of 27."""
    asked = sum(part_of(f"prompt {number}") == "asked" for number in range(4000))
    assert abs(asked - 1000) < 110


def test_some_family_is_for_the_test_only() -> None:
    assert TEST_ONLY and set(TAUGHT).isdisjoint(TEST_ONLY) and {*TAUGHT, *TEST_ONLY} == set(FAMILIES)


def test_members_are_taught_kinds_that_there_are_and_every_kind_is_taught_to_somebody() -> None:
    taught = {
        (family, kind) for member in MEMBERS.values() for family, kinds in member.taught.items() for kind in kinds
    }
    assert taught == set(KINDS)
