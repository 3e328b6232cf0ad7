"""The pocket prompts as the prompts of a label set."""

from collections.abc import Sequence

import pyarrow as pa

from anabranch.upstreams.pocket.frozen import TEST_PROMPTS, TRAIN_PROMPTS, test_questions, train_questions
from anabranch.upstreams.pocket.questions import Question


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
    rows = _first("train", train_questions(), train) + _first("test", test_questions(), test)
    questions = [question for _, question in rows]
    return pa.table(
        {
            "prompt_id": [f"{split}-{number:05}" for number, (split, _) in enumerate(rows)],
            "prompt": [question.prompt for question in questions],
            "reference": [question.reference for question in questions],
            "judge": [question.judge for question in questions],
            "task": [question.family for question in questions],
            "kind": [question.kind for question in questions],
            "level": [question.level for question in questions],
            "split": [split for split, _ in rows],
        }
    )


def _first(split: str, questions: Sequence[Question], count: int) -> list[tuple[str, Question]]:
    if not 0 <= count <= len(questions):
        raise ValueError(f"{count} {split} prompts are wanted; there are {len(questions)} frozen ones")
    return [(split, question) for question in questions[:count]]
