import pytest

from anabranch.upstreams.pocket.families.registry import TAUGHT
from anabranch.upstreams.pocket.frozen import test_questions as frozen_test
from anabranch.upstreams.pocket.frozen import train_questions as frozen_train
from anabranch.upstreams.pocket.questions import fresh, part_of, questions


def test_a_seed_names_the_questions() -> None:
    assert questions(50, seed=3) == questions(50, seed=3)
    assert questions(50, seed=3) != questions(50, seed=4)


def test_questions_differ_and_are_never_learnt_from() -> None:
    prompts = [question.prompt for question in questions(500, seed=3)]
    assert len(set(prompts)) == 500
    assert {part_of(prompt) for prompt in prompts} == {"asked"}


def test_families_kinds_and_levels_come_in_turn() -> None:
    """36 questions of nine families with four kinds each: one of each kind, all of level 1."""
    drawn = questions(36, seed=0, names=TAUGHT)
    assert len({(question.family, question.kind) for question in drawn}) == 36
    assert {question.level for question in drawn} == {1}


def test_fresh_ones_are_none_of_those_known() -> None:
    known = [question.prompt for question in questions(200, seed=1)]
    assert not set(known) & {question.prompt for question in fresh(200, 1, TAUGHT, known)}


def test_more_than_there_are_is_an_error() -> None:
    with pytest.raises(ValueError, match=r"units give no more than \d+ different questions; 100000 wanted"):
        questions(100_000, seed=0, names=["units"])


def test_an_unknown_family_is_an_error() -> None:
    with pytest.raises(ValueError, match="unknown pocket family 'unitz'"):
        questions(1, seed=0, names=["unitz"])


def test_the_frozen_splits_share_no_prompt_and_one_family_is_only_in_the_test() -> None:
    train, test = frozen_train(), frozen_test()
    assert (len(train), len(test)) == (3000, 2000)
    assert not {question.prompt for question in train} & {question.prompt for question in test}
    assert {question.family for question in test} - {question.family for question in train} == {"spelling"}
