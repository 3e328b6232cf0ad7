"""A stream of prompts whose answers by a large model are recorded."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from anabranch.data.columns import strings
from anabranch.data.labelset import LabelSet
from anabranch.data.replay_table import KeyOf, ReplayTable, replay_table
from anabranch.training.streams.lesson import Lesson, lesson_of
from anabranch.training.streams.student import Floats

RIGHT = 1.0


@dataclass(frozen=True, eq=False)
class RecordedStream:
    """N queries, and what a call of the large model would bring.

    Args:
        texts: N texts.
        embedding: float [N, D].
        lessons: N, None where the large model gives no canonical answer.
        quality: float [N] in [0, 1], of the large model's answers; NaN if unknown.
        cost_usd: float [N], of a call; NaN if unknown.
        truth: N right answers, None where none is known.

    Raises:
        ValueError: there is not one of each for every query.
    """

    texts: tuple[str, ...]
    embedding: NDArray[np.floating]
    lessons: tuple[Lesson | None, ...]
    quality: Floats
    cost_usd: Floats
    truth: tuple[str | None, ...]

    def __post_init__(self) -> None:
        counts = {name: len(getattr(self, name)) for name in ("embedding", "lessons", "quality", "cost_usd", "truth")}
        if set(counts.values()) != {len(self)}:
            raise ValueError(f"{len(self)} texts, but {counts}: each query needs one of each")

    def __len__(self) -> int:
        return len(self.texts)

    def take(self, rows: ArrayLike) -> Self:
        """The queries at `rows` (indices or a mask [N]), in that order."""
        index = np.arange(len(self))[np.asarray(rows)]
        chosen: dict[str, Any] = {
            name: tuple(getattr(self, name)[row] for row in index) for name in ("texts", "lessons", "truth")
        }
        arrays = {name: getattr(self, name)[index] for name in ("embedding", "quality", "cost_usd")}
        return replace(self, **chosen, **arrays)

    def quality_of(self, row: int, answer: str | None) -> float:
        """How good an answer of the student is; NaN if nobody knows, and none is not good."""
        lesson, truth = self.lessons[row], self.truth[row]
        if answer is None or truth is not None:
            return float(answer is not None and answer == truth)
        return float(self.quality[row]) if lesson is not None and lesson.answer == answer else np.nan


def recorded_stream(
    labels: LabelSet, arm: str, embedding: NDArray[np.floating], key_of: KeyOf, split: str | None = None
) -> RecordedStream:
    """The prompts of a label set on which an arm's answers are judged, in the order of the file.

    All samples of the arm on a prompt are one call, whose cost is their sum and whose quality is that of the samples
    that say what most of them say. A prompt's right answer is the one that its reference gives, otherwise one that was
    judged right, of whichever model.

    Args:
        labels: N prompts, with responses.
        arm: the large model.
        embedding: float [N, D], of all prompts.
        key_of: reads canonical answers, see `anabranch.data.answer_keys`.
        split: of the prompts that stream; all if None.

    Raises:
        ValueError: there are no responses, no such arm or split, or no answer of the arm compares.
    """
    table = replay_table(labels)
    if table.responses is None or arm not in table.models:
        raise ValueError(f"a stream needs recorded responses of {arm!r}; models with labels: {list(table.models)}")
    references = strings(labels.prompts, "reference", default="")
    rows = [row for row, name in enumerate(table.splits) if split in (None, name)]
    queries = [_query(table, row, table.models.index(arm), key_of, references[row]) for row in rows]
    asked = [(row, query) for row, query in zip(rows, queries, strict=True) if query is not None]
    if not any(lesson for _, (lesson, *_) in asked):
        raise ValueError(
            f"no answer of {arm!r} in split {split!r} compares: name the kind of answer, as judges do or as "
            "`answer_keys(labels, kinds)` does"
        )
    lessons, quality, cost, truth = zip(*(query for _, query in asked), strict=True)
    index = [row for row, _ in asked]
    texts = tuple(table.texts[row] for row in index)
    return RecordedStream(texts, embedding[index], lessons, np.array(quality), np.array(cost), truth)


def _query(
    table: ReplayTable, row: int, arm: int, key_of: KeyOf, reference: str
) -> tuple[Lesson | None, float, float, str | None] | None:
    """Lesson, quality, cost and truth of a prompt; None if no answer of the arm is judged."""
    assert table.responses is not None
    keys = [
        [key_of(table.prompt_ids[row], text) if there else None for text, there in zip(*samples, strict=True)]
        for samples in zip(table.responses[row], table.recorded[row], strict=True)
    ]
    recorded = table.recorded[row, arm]
    if not recorded.any():
        return None
    lesson = lesson_of([key for key, there in zip(keys[arm], recorded, strict=True) if there])
    said = [there and (lesson is None or key == lesson.answer) for key, there in zip(keys[arm], recorded, strict=True)]
    truth = key_of(table.prompt_ids[row], reference) if reference else None
    quality, cost = table.quality[row, arm], table.cost_usd[row, arm]
    return (
        lesson,
        float(quality[said].mean()),
        float(cost[recorded].sum()),
        truth if truth is not None else _judged_right(keys, table.quality[row]),
    )


def _judged_right(keys: Sequence[Sequence[str | None]], quality: Floats) -> str | None:
    """The answer most often judged right; of equally frequent ones, the first."""
    right = Counter(
        key
        for samples, judged in zip(keys, quality, strict=True)
        for key, score in zip(samples, judged, strict=True)
        if key is not None and score >= RIGHT
    )
    return right.most_common(1)[0][0] if right else None
