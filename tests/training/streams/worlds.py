"""Streams that tests run."""

import numpy as np

from anabranch.training.streams.lesson import Lesson
from anabranch.training.streams.recorded import RecordedStream
from anabranch.training.streams.student import Floats


def stream_of(embedding: Floats, answers: list[str], truth: list[str] | None = None) -> RecordedStream:
    """Queries whose large model gives these answers, a USD each; it is right where the truth says the same."""
    right = answers if truth is None else truth
    return RecordedStream(
        texts=tuple(f"text {row}" for row in range(len(answers))),
        embedding=embedding,
        lessons=tuple(Lesson(answer, {answer: 1.0}) for answer in answers),
        quality=np.array([float(one == two) for one, two in zip(answers, right, strict=True)]),
        cost_usd=np.ones(len(answers)),
        truth=tuple(right),
    )


def easy_and_new(count: int, seed: int) -> tuple[RecordedStream, np.ndarray]:
    """Half easy queries, at 1 or -1 of the first axis, and half new ones, each on an axis of its own; and which is new.

    An easy query says its answer. A new one's is a fair coin, and nothing that was seen before tells of it: the classes
    are separable, but not before its own lesson.
    """
    rng = np.random.default_rng(seed)
    new = rng.permutation(np.arange(count) % 2 == 1)
    side = rng.choice([-1.0, 1.0], count)
    embedding = np.zeros((count, 1 + count))
    embedding[~new, 0] = side[~new]
    embedding[new, 1 + np.flatnonzero(new)] = 1.0
    return stream_of(embedding, ["right" if one > 0 else "left" for one in side]), new


def clusters(count: int, seed: int, classes: int = 4, width: int = 6, spread: float = 0.35) -> RecordedStream:
    """Overlapping Gaussian classes around random directions; the large model is right."""
    rng = np.random.default_rng(seed)
    centre = rng.normal(size=(classes, width))
    centre /= np.linalg.norm(centre, axis=1, keepdims=True)
    label = rng.integers(0, classes, count)
    embedding = centre[label] + spread * rng.normal(size=(count, width))
    return stream_of(embedding, [f"class {one}" for one in label])
