"""One model is drawn for each token, which is a draw from the mixture of all."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import torch

from anabranch.serving.fusion.during.alone import alone
from anabranch.serving.fusion.during.ensemble import Ensemble, Text
from anabranch.serving.fusion.during.step import Added, Step
from anabranch.upstreams.local.choice import inverse_cdf


@dataclass(frozen=True)
class ME(Step):
    """Draw a model by its weight, then a token from that model alone.

    With one vocabulary, temperature 1 and no top-p this is the law of the whole mixture at the cost of one model.
    Otherwise it is a mixture of laws that were each cut down by themselves. At temperature 0 the model is drawn all
    the same.
    """

    source = "arXiv 2605.00419; Kamichanw/Mixture-model-like-Ensemble@cbe532b9"
    specification = "code"
    needs = "top"

    def __call__(self, ensemble: Ensemble, texts: Sequence[Text]) -> list[tuple[Added, ...]]:
        """See `Step`."""
        draws = torch.tensor([text.sampling.draw() for text in texts])
        at: dict[int, list[int]] = defaultdict(list)
        for place, model in enumerate(inverse_cdf(ensemble.weights(texts), draws).tolist()):
            at[model].append(place)
        found: dict[int, tuple[Added, ...]] = {}
        for model, places in at.items():
            asked = [texts[place] for place in places]
            found |= zip(places, alone(ensemble, model, ensemble.ask(model, asked), asked), strict=True)
        return [found[place] for place in range(len(texts))]
