"""Models that write the same texts, each in its own tokens."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from anabranch.serving.fusion.during.union_map import UnionMap
from anabranch.upstreams.local.sampling import Sampling
from anabranch.upstreams.local.token_model import TokenModel


@dataclass(eq=False)
class Text:
    """A text that is being written.

    Args:
        rows: M, its row in each model.
        prompts: M, the ids that come before it.
        weights: M, not negative, and they sum to 1; methods may change them.
        sampling: how what follows is chosen, with the text's own draws.
        top: alternatives wanted a token.
        written: so far, the prompt left out; it may end in the middle of a character.
        memory: what a method keeps of it.
    """

    rows: tuple[int, ...]
    prompts: tuple[Sequence[int], ...]
    weights: list[float]
    sampling: Sampling = field(default_factory=Sampling)
    top: int = 0
    written: bytes = b""
    memory: Any = None

    @property
    def heavy(self) -> tuple[int, ...]:
        """Places of the models that have any weight."""
        return tuple(place for place, weight in enumerate(self.weights) if weight > 0)


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

    def begin(
        self,
        prompts: Sequence[Sequence[Sequence[int]]],
        weights: Sequence[Sequence[float]] | None = None,
        sampling: Sequence[Sampling] | None = None,
    ) -> list[Text]:
        """Open B texts.

        Args:
            prompts: B, each M lists of ids, one a model.
            weights: B, each M; equal ones if None.
            sampling: B; the likeliest if None.
        """
        rows = [model.open([prompt[place] for prompt in prompts]) for place, model in enumerate(self.models)]
        shares = weights or [[1 / len(self.models)] * len(self.models)] * len(prompts)
        how = sampling or [Sampling() for _ in prompts]
        return [
            Text(each, tuple(prompt), [*share], one)
            for each, prompt, share, one in zip(zip(*rows, strict=True), prompts, shares, how, strict=True)
        ]

    def fits(self, text: Text) -> bool:
        """Whether every model that has any weight can read all of it, in its own tokens, however few others need."""
        return all(self._fits(place, text) for place in text.heavy)

    def advance(self, text: Text, most: int) -> bool:
        """Read up to so many ids of a text's prompt in each model that has any weight.

        Returns: whether all that is left is read with what follows. What was read is not read again.
        """
        return not any([self.models[place].advance(text.rows[place], most) for place in text.heavy])

    def ask(self, place: int, texts: Sequence[Text]) -> Tensor:
        """What one model thinks follows each of n texts: log-probabilities float32 (n, V).

        It is told of what was written since it was asked last, and reads all of that at once.
        """
        model = self.models[place]
        for text in texts:
            model.write(text.rows[place], text.written)
        said = model.next([text.rows[place] for text in texts])
        return said.to(self.union.columns[place].device)  # models may be on devices of their own

    def heard(self, place: int, text: Text, most: int) -> Tensor:
        """What one model thinks follows each of the last ids of a prompt: log-probabilities (`most` or fewer, V)."""
        return self.models[place].heard(text.rows[place], most).to(self.union.columns[place].device)

    def score(self, place: int, texts: Sequence[Text], more: Sequence[Sequence[bytes]]) -> list[list[Tensor]]:
        """What one model thinks of continuations of n texts, of each some.

        Returns: log-probabilities of its own tokens of each, (tokens,).
        """
        model = self.models[place]
        for text in texts:
            model.write(text.rows[place], text.written)
        return model.score([text.rows[place] for text in texts], more)

    def weights(self, texts: Sequence[Text]) -> Tensor:
        """Of n texts, float32 (n, M)."""
        return torch.tensor([text.weights for text in texts], device=self.union.columns[0].device)

    def end(self, texts: Sequence[Text]) -> None:
        """Forget texts."""
        for place, model in enumerate(self.models):
            model.drop([text.rows[place] for text in texts])

    def _fits(self, place: int, text: Text) -> bool:
        model, before = self.models[place], len(text.prompts[place])
        # no token writes less than a byte, so most texts need not be taken apart to see
        if model.window is None or before + len(text.written) <= model.window:
            return True
        model.write(text.rows[place], text.written)
        return before + len(model.ids(text.rows[place])) <= model.window
