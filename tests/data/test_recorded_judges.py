"""Who judged the answers of a label set; what a command says of it is in tests/test_evaluate_fusion.py."""

import pyarrow as pa
import pytest

from anabranch.data.label_rules import LabelError
from anabranch.data.labelset import LabelSet
from anabranch.data.recorded_judges import recorded_judges


def labels(judges: list[str | None], quality: list[float | None]) -> LabelSet:
    """Three prompts, each answered by two models."""
    ids = ["x", "y", "z"]
    prompts = pa.table({"prompt_id": ids, "prompt": ids, "reference": ["1", "2", "3"]})
    rows = {"prompt_id": [one for one in ids for _ in range(2)], "model": ["owl", "wren"] * 3, "quality": quality}
    versions = [None if judge is None else "1" for judge in judges]
    return LabelSet(prompts, pa.table({**rows, "judge": judges, "judge_version": versions}))


def test_each_prompt_has_the_judge_of_its_answers() -> None:
    """Of z no answer was judged, and what is not asked for is not looked at."""
    found = labels(["exact", "exact", "numeric", None, None, None], [1.0, 0.0, 1.0, None, None, None])
    assert recorded_judges(found, ["x", "y", "z"]) == {"x": "exact", "y": "numeric"}
    assert recorded_judges(found, ["y"]) == {"y": "numeric"}


@pytest.mark.parametrize(
    ("second", "message"),
    [
        ("numeric", "answers to prompt 'x' were judged by exact 1 and by numeric 1"),
        (None, "answers to prompt 'x' were judged by exact 1 and by nobody who is named"),
    ],
)
def test_a_prompt_of_several_judges_is_refused(second: str | None, message: str) -> None:
    found = labels(["exact", second, *["exact"] * 4], [1.0] * 6)
    with pytest.raises(LabelError, match=message):
        recorded_judges(found, ["x", "y"])
    assert recorded_judges(found, ["y"]) == {"y": "exact"}


def test_where_nothing_was_judged_nobody_can_judge_alike() -> None:
    with pytest.raises(LabelError, match="no quality, and nobody"):
        recorded_judges(labels([None] * 6, [None] * 6), ["x"])
