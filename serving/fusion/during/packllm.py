"""PackLLM: models count by how well they predict the prompt."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from anabranch.serving.fusion.during.alone import alone
from anabranch.serving.fusion.during.ensemble import Ensemble, Text
from anabranch.serving.fusion.during.heard_prompt import HeardPrompt, SharedPrompt
from anabranch.serving.fusion.during.nearest import MISSING
from anabranch.serving.fusion.during.prompt_weights import by_greedy_search, by_loss
from anabranch.serving.fusion.during.reference_columns import columns, mixed
from anabranch.serving.fusion.during.step import Added, Step, added
from anabranch.serving.fusion.during.table import Table

WAYS = ("sim", "opt", "top1", "uniform")


@dataclass(frozen=True)
class PackLLM(Step):
    """Weigh models once a text, by the prompt, and mix their log-probabilities with these weights.

    The model that predicts the prompt best is the reference: what is written are its tokens, and the others say what
    they think of the tokens that they have in their place. What a model loses on a prompt is counted over the bytes
    that all of them read, and divided by the number of the reference's tokens there; the authors map the reference's
    ids one by one and feed those to the other models, which no tokenizer would have made.

    The method sets the weights, all but those that are 0: such a model has no part in it. Where a prompt tells nothing,
    they stay as they are, and the heaviest model is the reference.

    Args:
        how: `sim` for the softmax of the losses, `opt` for the mixture that predicts the prompt best, `top1` for the
            best model alone, `uniform` for equal weights.
        temperature: of `sim`, in nats a token.
        grid: step of the shares that `opt` tries.
        most: how many of a prompt's last tokens are looked at.
        missing: what stands for a token that a model lacks, see `stand_ins`.

    Raises:
        ValueError: an unknown way, a temperature that is not above 0, a grid that is not between 0 and 1, or fewer than
            2 tokens.
    """

    source = "Mavromatis et al. 2024, arXiv 2404.11531; cmavro/PackLLM@479e77d5"
    specification = "code"
    how: str = "sim"
    temperature: float = 1.0
    grid: float = 0.05
    most: int = 256
    missing: str = "nearest"

    def __post_init__(self) -> None:
        for name, value, known in (("how", self.how, WAYS), ("missing", self.missing, MISSING)):
            if value not in known:
                raise ValueError(f"{name} is {value!r}; known: {', '.join(known)}")
        if not 0 < self.temperature < float("inf") or not 0 < self.grid <= 1 or self.most < 2:
            raise ValueError(
                f"temperature {self.temperature}, grid {self.grid}, most {self.most}: above 0, above 0 and 1 at the "
                "most, and 2 tokens or more"
            )

    def begin(self, ensemble: Ensemble, texts: Sequence[Text]) -> None:
        """See `Step`; sets the weights of texts, and remembers the place of the reference."""
        for text in texts:
            text.memory = max(range(len(text.weights)), key=text.weights.__getitem__)
            places = text.heavy
            prompt = self._heard(ensemble, text, places) if len(places) > 1 else None
            if prompt is not None:
                nats = prompt.nats
                best = nats.index(min(nats))
                losses = [each / prompt.tokens[best] for each in nats]
                text.memory = places[best]
                text.weights[:] = [0.0] * len(text.weights)
                for place, weight in zip(places, self._weights(prompt, ensemble, places, losses), strict=True):
                    text.weights[place] = weight

    def __call__(self, ensemble: Ensemble, texts: Sequence[Text]) -> list[tuple[Added, ...]]:
        """See `Step`; a model that has no weight in a text is not asked."""
        said = _asked(ensemble, texts)
        groups: dict[tuple[int, tuple[int, ...]], list[int]] = defaultdict(list)
        for at, text in enumerate(texts):
            groups[text.memory, text.heavy].append(at)
        found: dict[int, tuple[Added, ...]] = {}
        for (reference, places), ats in groups.items():
            theirs = {place: torch.stack([said[place, at] for at in ats]) for place in places}
            found |= zip(ats, self._added(ensemble, reference, theirs, [texts[at] for at in ats]), strict=True)
        return [found[at] for at in range(len(texts))]

    def _heard(self, ensemble: Ensemble, text: Text, places: Sequence[int]) -> SharedPrompt | None:
        if min(len(text.prompts[place]) for place in places) < 2:  # nothing comes before the only token
            return None
        return SharedPrompt.of([HeardPrompt.of(ensemble, place, text, self.most) for place in places])

    def _weights(
        self, prompt: SharedPrompt, ensemble: Ensemble, places: Sequence[int], losses: Sequence[float]
    ) -> list[float]:
        if self.how == "sim":
            return by_loss(losses, self.temperature)
        if self.how == "opt":
            return by_greedy_search(prompt, ensemble.union, places, losses, self.grid, self.missing)
        if self.how == "top1":
            best = losses.index(min(losses))
            return [float(model == best) for model in range(len(losses))]
        return [1 / len(losses)] * len(losses)

    def _added(
        self, ensemble: Ensemble, reference: int, said: Mapping[int, Tensor], texts: Sequence[Text]
    ) -> list[tuple[Added, ...]]:
        places = tuple(said)
        if len(places) == 1:
            return alone(ensemble, places[0], said[places[0]], texts)
        logs = mixed(ensemble.union, reference, said, ensemble.weights(texts), self.missing)
        symbol = columns(ensemble.union, reference, reference, self.missing).symbol
        table = Table(symbol.expand(len(texts), -1), logs.softmax(dim=1))
        return added(ensemble, table, texts, [places] * len(texts))


def _asked(ensemble: Ensemble, texts: Sequence[Text]) -> dict[tuple[int, int], Tensor]:
    """What models say of each text in which they have weight, (V,), by their place and the text's."""
    found: dict[tuple[int, int], Tensor] = {}
    for place in range(len(ensemble.models)):
        ats = [at for at, text in enumerate(texts) if text.weights[place] > 0]
        if ats:
            found |= zip([(place, at) for at in ats], ensemble.ask(place, [texts[at] for at in ats]), strict=True)
    return found
