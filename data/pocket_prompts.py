"""The pocket prompts as the prompts of a label set."""

from collections.abc import Sequence

import pyarrow as pa

from anabranch.upstreams.pocket.frozen import TEST_PROMPTS, TRAIN_PROMPTS, test_questions, train_questions
from anabranch.upstreams.pocket.questions import Question

_TEXTS = ("prompt_id", "prompt", "reference", "judge", "task", "kind")
_SCHEMA = pa.schema([*((name, pa.string()) for name in _TEXTS), ("level", pa.int64()), ("split", pa.string())])


def pocket_prompts(train: int = TRAIN_PROMPTS, test: int = TEST_PROMPTS) -> pa.Table:
    """The first of the frozen prompts of either split, with their judges and references.

    Args:
        train: how many that routers learn from.
        test: how many that they are tested on; a tenth is of a family that `train` has not got.

    Raises:
        ValueError: there are not so many.

    >>> pocket_prompts(train=2, test=1)["split"].to_pylist()
    ['train', 'train', 'test']
    """
    return pa.concat_tables([_first("train", train_questions(), train), _first("test", test_questions(), test, train)])


def prompts_table(name: str, questions: Sequence[Question], split: str, begin: int = 0) -> pa.Table:
    """Questions as the prompts of a label set, one a row.

    Args:
        name: what their ids begin with.
        questions: N.
        split: of all of them.
        begin: number of the first one's id.
    """
    return pa.table(
        {
            "prompt_id": [f"{name}-{number:05}" for number in range(begin, begin + len(questions))],
            "prompt": [question.prompt for question in questions],
            "reference": [question.reference for question in questions],
            "judge": [question.judge for question in questions],
            "task": [question.family for question in questions],
            "kind": [question.kind for question in questions],
            "level": [question.level for question in questions],
            "split": [split] * len(questions),
        },
        schema=_SCHEMA,
    )


def _first(split: str, questions: Sequence[Question], count: int, begin: int = 0) -> pa.Table:
    if not 0 <= count <= len(questions):
        raise ValueError(f"{count} {split} prompts are wanted; there are {len(questions)} frozen ones")
    return prompts_table(split, questions[:count], split, begin)
