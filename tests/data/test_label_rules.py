from typing import Any

import pyarrow as pa
import pytest

from anabranch.data.label_rules import LabelError
from anabranch.data.labelset import LabelSet

PROMPTS: dict[str, Any] = {"prompt_id": ["x", "y"], "prompt": ["one", "two"], "split": ["train", None]}
LABELS: dict[str, Any] = {"prompt_id": ["x", "x", "y"], "model": ["m", "n", "m"], "quality": [0.0, 1.0, 0.5]}
VOTES: dict[str, Any] = {"prompt_id": ["y"], "model_a": ["m"], "model_b": ["n"], "winner": ["tie"]}


def label_set(
    prompts: dict[str, Any] | None = None,
    labels: dict[str, Any] | None = None,
    votes: dict[str, Any] | None = None,
) -> LabelSet:
    tables = ({**PROMPTS, **(prompts or {})}, {**LABELS, **(labels or {})}, {**VOTES, **(votes or {})})
    return LabelSet(*(pa.table({k: v for k, v in table.items() if v is not None}) for table in tables))


def test_what_keeps_the_rules_passes() -> None:
    assert label_set().arms() == ("m", "n")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"prompt_id": None}, "prompts.parquet has no column 'prompt_id'; columns there: prompt, split"),
        ({"prompt": None}, "prompts.parquet has no column 'prompt' or 'messages'; columns there: prompt_id, split"),
        ({"prompt_id": [1, 2]}, "prompts.parquet column 'prompt_id' has type int64; it must be text"),
        ({"prompt_id": ["x", "x"]}, "prompts.parquet row 1 (prompt 'x'): this row is given twice"),
        ({"prompt_id": ["x", None]}, "prompts.parquet row 1 (prompt None): prompt_id is missing"),
        (
            {"split": ["train", "dev"]},
            "prompts.parquet row 1 (prompt 'y'): split is 'dev'; it must be train, validation or test",
        ),
        ({"prompt": ["one", " "]}, "prompts.parquet row 1 (prompt 'y'): no text to route on"),
        ({"prompt": ["one", None]}, "prompts.parquet row 1 (prompt 'y'): no text to route on"),
        ({"messages": [None, "[oh"]}, "prompts.parquet row 1 (prompt 'y'): unexpected"),
        ({"messages": [None, "7"]}, "prompts.parquet row 1 (prompt 'y'): messages is int"),
    ],
)
def test_a_wrong_prompt_is_named(change: dict[str, Any], message: str) -> None:
    with pytest.raises(LabelError) as refused:
        label_set(prompts=change)
    assert message in str(refused.value)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"quality": None}, "labels.parquet has no column 'quality'; columns there: prompt_id, model"),
        ({"quality": ["1", "0", "1"]}, "labels.parquet column 'quality' has type string; it must be a number"),
        ({"sample": [0.5, 0.0, 0.0]}, "labels.parquet column 'sample' has type double; it must be a whole number"),
        (
            {"quality": [0.5, 1.3, 0.5]},
            "labels.parquet row 1 (prompt 'x', model 'n'): quality 1.3 is outside [0, 1]",
        ),
        (
            {"quality": [-1.0, float("nan"), 2.0]},
            "labels.parquet row 0 (prompt 'x', model 'm'): quality -1 is outside [0, 1] (and 2 more like it)",
        ),
        ({"quality": [0.5, 0.5, float("nan")]}, "row 2 (prompt 'y', model 'm'): quality nan is outside [0, 1]"),
        ({"cost_usd": [0.5, -0.01, None]}, "row 1 (prompt 'x', model 'n'): cost_usd -0.01 is outside [0, infinity)"),
        ({"completion_tokens": [-5, 0, 0]}, "row 0 (prompt 'x', model 'm'): completion_tokens -5 is outside"),
        ({"latency_s": [1.0, 1.0, float("inf")]}, "row 2 (prompt 'y', model 'm'): latency_s inf is outside"),
        ({"prompt_id": ["x", "z", "z"]}, "row 1 (prompt 'z', model 'n'): this prompt_id is not in prompts.parquet"),
        ({"model": ["m", "m", "m"]}, "labels.parquet row 1 (prompt 'x', model 'm'): this row is given twice"),
        ({"model": ["m", None, "m"]}, "labels.parquet row 1 (prompt 'x', model None): model is missing"),
    ],
)
def test_a_wrong_label_is_named(change: dict[str, Any], message: str) -> None:
    with pytest.raises(LabelError) as refused:
        label_set(labels=change)
    assert message in str(refused.value)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"winner": ["m"]}, "(prompt 'y', model_a 'm', model_b 'n'): winner is 'm'; it must be a, b or tie"),
        ({"winner": pa.array([None], pa.string())}, "winner is ''; it must be a, b or tie"),
        ({"p_b": [1.5]}, "p_b 1.5 is outside [0, 1]"),
        ({"prompt_id": ["z"]}, "preferences.parquet row 0 (prompt 'z', model_a 'm', model_b 'n'): this prompt_id"),
        ({"model_b": None}, "preferences.parquet has no column 'model_b'"),
    ],
)
def test_a_wrong_vote_is_named(change: dict[str, Any], message: str) -> None:
    with pytest.raises(LabelError) as refused:
        label_set(votes=change)
    assert message in str(refused.value)


def test_samples_of_one_cell_are_not_duplicates() -> None:
    assert label_set(labels={"model": ["m", "m", "m"], "sample": [0, 1, None]}).arms() == ("m",)


def test_no_prompts_at_all_is_an_error() -> None:
    with pytest.raises(LabelError, match="at least one prompt"):
        LabelSet(pa.table({"prompt_id": pa.array([], pa.string())}), pa.table(LABELS))


def test_null_is_unknown_and_no_error() -> None:
    outcomes = label_set(labels={"quality": [None, 1.0, 0.5], "cost_usd": [None, None, None]}).outcomes()

    assert outcomes.quality[0].tolist()[1] == 1.0
    assert outcomes.quality[0, 0] != outcomes.quality[0, 0]
    assert not outcomes.has_cost
