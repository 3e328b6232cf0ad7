from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest

from anabranch.data.answer_keys import answer_keys
from anabranch.data.labelset import LabelSet
from anabranch.training.streams.recorded import RecordedStream, recorded_stream
from tests.training.streams.worlds import clusters


def label_set() -> LabelSet:
    """Three prompts; owl answers the first three times, the second once, the third never; wren all of them."""
    prompts = pa.table(
        {
            "prompt_id": ["x", "y", "z"],
            "prompt": ["2 + 2?", "3 + 3?", "4 + 4?"],
            "judge": ["numeric"] * 3,
            "reference": ["4", None, "8"],
            "split": ["train", "test", "test"],
        }
    )
    rows = [
        ("x", "owl", 0, 1.0, 0.5, "It is 4."),
        ("x", "owl", 1, 0.0, 0.25, "It is 5."),
        ("x", "owl", 2, 1.0, 0.25, "4"),
        ("y", "owl", 0, 0.0, 1.0, "I do not know."),
        ("x", "wren", 0, 0.0, 0.1, "3"),
        ("y", "wren", 0, 1.0, 0.1, "6"),
        ("z", "wren", 0, 1.0, 0.1, "8"),
    ]
    names = ("prompt_id", "model", "sample", "quality", "cost_usd", "response")
    return LabelSet(prompts, pa.table(dict(zip(names, map(list, zip(*rows, strict=True)), strict=True))))


def made(arm: str = "owl", split: str | None = None) -> RecordedStream:
    labels = label_set()
    return recorded_stream(labels, arm, np.eye(3), answer_keys(labels), split)


def test_samples_are_one_call_and_shares_of_answers() -> None:
    """4, 5, 4: the answer 4 of quality 1, two thirds to one third, 1 USD in all."""
    stream = made()
    lesson = stream.lessons[0]
    assert lesson is not None
    assert (lesson.answer, lesson.target) == ("4", {"4": 2 / 3, "5": 1 / 3})
    assert (stream.quality[0], stream.cost_usd[0]) == (1.0, 1.0)


def test_prompts_that_the_arm_was_not_asked_are_left_out() -> None:
    assert made().texts == ("2 + 2?", "3 + 3?")
    np.testing.assert_array_equal(made().embedding, np.eye(3)[:2])


def test_an_answer_without_a_key_teaches_nothing_and_keeps_its_quality_and_cost() -> None:
    stream = made()
    assert stream.lessons[1] is None
    assert (stream.quality[1], stream.cost_usd[1]) == (0.0, 1.0)


def test_the_truth_is_the_reference_or_an_answer_judged_right_of_whichever_model() -> None:
    assert made().truth == ("4", "6")


def test_a_split_streams_alone() -> None:
    assert made("wren", "test").truth == ("6", "8")


def test_taking_queries_takes_all_of_them() -> None:
    stream = made().take([1, 0])
    assert (stream.texts, stream.truth) == (("3 + 3?", "2 + 2?"), ("6", "4"))
    assert stream.quality.tolist() == [0.0, 1.0]
    assert stream.lessons[0] is None
    np.testing.assert_array_equal(stream.embedding, np.eye(3)[[1, 0]])


def test_an_arm_that_nobody_asked_is_refused() -> None:
    with pytest.raises(ValueError, match="responses of 'heron'; models with labels: \\['owl', 'wren'\\]"):
        made("heron")


def test_answers_that_do_not_compare_are_refused() -> None:
    with pytest.raises(ValueError, match="no answer of 'owl' in split 'test' compares"):
        made(split="test")


def test_a_stream_of_unequal_parts_is_refused() -> None:
    stream = clusters(3, 0)
    with pytest.raises(ValueError, match="3 texts, but"):
        replace(stream, embedding=stream.embedding[:2])
