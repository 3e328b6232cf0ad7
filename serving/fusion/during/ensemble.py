"""Models that write the same texts, each in its own tokens."""

from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor

from anabranch.serving.fusion.during.union_map import UnionMap
from anabranch.upstreams.local.token_model import TokenModel


@dataclass(eq=False)
class Text:
    """A text that is being written.

    Args:
        rows: M, its row in each model.
        prompts: M, how many ids come before it.
        written: so far, the prompt left out; it may end in the middle of a character.
    """

    rows: tuple[int, ...]
    prompts: tuple[int, ...]
    written: bytes = b""


@dataclass(frozen=True, eq=False)
class Ensemble:
    """M models and what their tokens have in common.

    Args:
        models: M.
        union: of their vocabularies, in this order.
    """

    models: tuple[TokenModel, ...]
    union: UnionMap

    @classmethod
    def of(cls, models: Sequence[TokenModel]) -> "Ensemble":
        """These models, whose vocabularies are put together now."""
        return cls(tuple(models), UnionMap.of([model.vocabulary for model in models]))

    def begin(self, prompts: Sequence[Sequence[Sequence[int]]]) -> list[Text]:
        """Open a text after each of B prompts, which are M lists of ids, one a model."""
        rows = [model.open([prompt[place] for prompt in prompts]) for place, model in enumerate(self.models)]
        return [
            Text(each, tuple(map(len, prompt))) for each, prompt in zip(zip(*rows, strict=True), prompts, strict=True)
        ]

    def fits(self, text: Text) -> bool:
        """Whether every model can read all of it, in its own tokens, however few the others need."""
        return all(self._fits(place, text) for place in range(len(self.models)))

    def ask(self, place: int, texts: Sequence[Text]) -> Tensor:
        """What one model thinks follows each of n texts: log-probabilities float32 (n, V).

        It is told of what was written since it was asked last, and reads all of that at once.
        """
        model = self.models[place]
        for text in texts:
            model.write(text.rows[place], text.written)
        said = model.next([text.rows[place] for text in texts])
        return said.to(self.union.columns[place].device)  # models may be on devices of their own

    def end(self, texts: Sequence[Text]) -> None:
        """Forget texts."""
        for place, model in enumerate(self.models):
            model.drop([text.rows[place] for text in texts])

    def _fits(self, place: int, text: Text) -> bool:
        model, before = self.models[place], text.prompts[place]
        # no token writes less than a byte, so most texts need not be taken apart to see
        if model.window is None or before + len(text.written) <= model.window:
            return True
        model.write(text.rows[place], text.written)
        return before + len(model.ids(text.rows[place])) <= model.window
