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
        written: so far, the prompt left out; it may end in the middle of a character.
    """

    rows: tuple[int, ...]
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
        return [Text(each) for each in zip(*rows, strict=True)]

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
