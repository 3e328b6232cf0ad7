"""The loop: texts grow a step at a time, whole characters are given out as soon as they are certain."""

from codecs import getincrementaldecoder
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

import torch
from torch import Tensor

from anabranch.serving.fusion.during.ensemble import Ensemble, Text
from anabranch.serving.fusion.during.step import Added, Step
from anabranch.upstreams.local.sampling import Sampling
from anabranch.upstreams.local.stop_strings import StopStrings

Reason = Literal["stop", "length", "deadline"]


@dataclass(frozen=True, eq=False)
class Wanted:
    """A text that is to be written.

    Args:
        prompts: M, the ids that each model begins with, in its own template.
        weights: M, not negative, not all 0; they are made to sum to 1.
        max_steps: tokens of the ensemble to write at the most.
        sampling: how they are chosen.
        stops: strings that end the text, and are left out of it.
    """

    prompts: Sequence[Sequence[int]]
    weights: Sequence[float]
    max_steps: int
    sampling: Sampling = field(default_factory=Sampling)
    stops: tuple[str, ...] = ()


class Piece(NamedTuple):
    """News of one text.

    Args:
        place: which text.
        text: whole characters that are new; may be empty.
        added: what the step chose, and who was asked; None in the last piece of a text.
        ends: why the text ends here; None if it goes on.
    """

    place: int
    text: str
    added: Added | None
    ends: Reason | None = None


def generate(
    ensemble: Ensemble, step: Step, wanted: Sequence[Wanted], *, late: Callable[[], bool] = lambda: False
) -> Iterator[Piece]:
    """Write B texts together; texts that are over leave, and the others go on without them.

    Closing the iterator ends all of it. Each text is what it would be alone: it has its own draws, and in float32 what
    models think of a text does not depend on the others.

    Args:
        ensemble: M models.
        step: the method.
        wanted: B texts, at least one.
        late: asked before each step; once it is true, all texts end where they are.

    Raises:
        ValueError: weights of a text are not M, are negative, or are all 0.

    Yields:
        Piece: in each step one of each text; its last one has `ends`.
    """
    share = torch.stack([_normalised(one.weights, len(ensemble.models)) for one in wanted])
    texts = ensemble.begin([one.prompts for one in wanted])
    writers = [_Writer(one) for one in wanted]
    alive = list(range(len(texts)))
    try:
        while alive:
            if late():
                yield from (Piece(place, writers[place].rest(), None, "deadline") for place in alive)
                return
            sampling = [wanted[place].sampling for place in alive]
            steps = step(ensemble, [texts[place] for place in alive], share[alive], sampling)
            for place, added in zip([*alive], steps, strict=True):
                yield Piece(place, writers[place].add(texts[place], added), added)
                if (reason := writers[place].over) is not None:
                    alive.remove(place)
                    yield Piece(place, writers[place].rest(), None, reason)
    finally:
        ensemble.end(texts)


class _Writer:
    """What of a text's bytes can be given out."""

    def __init__(self, wanted: Wanted) -> None:
        self._decoder = getincrementaldecoder("utf-8")("replace")
        self._stop = StopStrings(wanted.stops)
        self._left = wanted.max_steps
        self.over: Reason | None = None

    def add(self, text: Text, added: Added) -> str:
        """Whole characters that are certain now."""
        text.written += added.written
        self._left -= 1
        piece = self._stop.add(self._decoder.decode(added.written))
        if added.ends or self._stop.met:
            self.over = "stop"
        elif self._left <= 0:
            self.over = "length"
        return piece

    def rest(self) -> str:
        """What was held back, once there is no more; U+FFFD for what never became a character."""
        return "" if self._stop.met else self._stop.add(self._decoder.decode(b"", final=True)) + self._stop.rest()


def _normalised(weights: Sequence[float], models: int) -> Tensor:
    given = torch.tensor(weights, dtype=torch.float32)
    if len(given) != models or not bool((given >= 0).all()) or not bool(given.sum() > 0):
        raise ValueError(f"weights {list(weights)}: {models} models need as many weights, at least 0 and not all 0")
    return given / given.sum()
