import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anabranch.data.answer_keys import KIND_OF_JUDGE, answer_keys, answer_kinds
from anabranch.data.answers import canonical
from anabranch.data.judges import JUDGES, Judge
from anabranch.data.labelset import LabelSet
from anabranch.data.pocket_prompts import pocket_prompts
from anabranch.data.replay_table import replay_table
from anabranch.registry import resolve

ANSWERS = ("B", "The answer is (b).", "2", "2.0", "the answer is 4/2", "The Nile", "nile", "No idea, I cannot answer.")


def label_set(*, said: bool = True) -> LabelSet:
    """Two models answer a sum, a choice, a word and an open question; one task holds sum and choice."""
    ids = ["sum", "choice", "word", "open"]
    prompts = {"prompt_id": ids, "prompt": ids, "task": ["quiz", "quiz", "words", "talk"]}
    judges = {"judge": ["numeric", "multiple-choice", "exact", None]} if said else {}
    answers = {"owl": ["It is 2.", "(B)", "The Nile.", "2"], "wren": ["= 2.0", "I choose C", "nile", "2"]}
    labels = {
        "prompt_id": ids * 2,
        "model": [model for model in answers for _ in ids],
        "quality": [1.0, 1.0, 1.0, 0.5] + [1.0, 0.0, 1.0, 0.5],
        "response": [text for texts in answers.values() for text in texts],
    }
    return LabelSet(pa.table({**prompts, **judges}), pa.table(labels))


def same(labels: LabelSet, **kinds: object) -> list[bool | None]:
    """Do both models say the same, of each prompt; None if one has no key."""
    key = replay_table(labels, key_of=answer_keys(labels, kinds or None)).key[..., 0]  # type: ignore[arg-type]
    return [None if (row < 0).any() else bool(row[0] == row[1]) for row in key]


def test_judges_say_what_kind_an_answer_is() -> None:
    assert same(label_set()) == [True, False, True, None]


def test_a_task_can_be_given_a_kind() -> None:
    """Of the task with a choice: "(B)" gives no number. A task without keys keeps them from its judges' prompts."""
    bare = label_set(said=False)
    assert same(bare) == [None] * 4
    assert same(bare, talk="number", words="text") == [None, None, True, True]
    assert same(label_set(), quiz="number", words=None) == [True, None, None, None]
    with pytest.raises(ValueError, match=r"unknown tasks \['quizz'\]; tasks of the label set: \['quiz', 'talk', 'wo"):
        answer_keys(bare, {"quizz": "number"})


def test_the_judge_of_the_answers_counts_where_prompts_name_none() -> None:
    """The sum was judged by numeric, the choice by two, the word by a judge from elsewhere."""
    bare = label_set(said=False)
    judges = ["numeric", "multiple-choice", "mine", None, "numeric", "numeric", "mine", None]
    judged = LabelSet(bare.prompts, bare.labels.append_column("judge", pa.array(judges)))
    assert answer_kinds(judged) == {"sum": "number"}
    named = LabelSet(
        bare.prompts.append_column("judge", pa.array([None, "multiple-choice"] + [None] * 2)), judged.labels
    )
    assert answer_kinds(named) == {"sum": "number", "choice": "mcq"}


def test_every_prompt_of_the_pocket_world_has_a_kind_under_which_its_reference_is_an_answer() -> None:
    prompts = pocket_prompts(train=300, test=50)
    labels = LabelSet(prompts, pa.table({"prompt_id": ["train-00000"], "model": ["owl"], "quality": [1.0]}))
    key_of, references = answer_keys(labels), prompts["reference"].to_pylist()
    assert all(key_of(*each) for each in zip(labels.prompt_ids, references, strict=True))


@given(answer=st.sampled_from(ANSWERS), reference=st.sampled_from(ANSWERS), name=st.sampled_from(sorted(JUDGES)))
@settings(max_examples=60, deadline=None)
def test_a_key_equals_that_of_the_reference_exactly_where_the_judge_is_content(
    answer: str, reference: str, name: str
) -> None:
    judge: Judge = resolve(name, JUDGES, "judge")
    right = canonical(reference, KIND_OF_JUDGE[judge.name])
    if right is not None:
        assert judge.score(answer, reference) == (canonical(answer, KIND_OF_JUDGE[judge.name]) == right)


def test_no_judge_is_forgotten() -> None:
    assert set(KIND_OF_JUDGE) == set(JUDGES)
    assert np.all([resolve(name, JUDGES, "judge").name == name for name in JUDGES])
