"""One model is drawn for each token, which is a draw from the mixture of all."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from anabranch.serving.fusion.during.alone import alone
from anabranch.serving.fusion.during.ensemble import Ensemble, Text
from anabranch.serving.fusion.during.step import Added
from anabranch.upstreams.local.choice import inverse_cdf
from anabranch.upstreams.local.sampling import Sampling


@dataclass(frozen=True)
class ME:
    """Draw a model by its weight, then a token from that model alone.

    With one vocabulary, temperature 1 and no top-p this is the law of the whole mixture at the cost of one model.
    Otherwise it is a mixture of laws that were each cut down by themselves. At temperature 0 the model is drawn all
    the same.
    """

    source = "arXiv 2605.00419; Kamichanw/Mixture-model-like-Ensemble@cbe532b9"
    specification = "code"

    def __call__(
        self, ensemble: Ensemble, texts: Sequence[Text], weights: Tensor, sampling: Sequence[Sampling]
    ) -> list[Added]:
        """See `Step`."""
        draws = torch.tensor([one.draw() for one in sampling])
        at: dict[int, list[int]] = defaultdict(list)
        for place, model in enumerate(inverse_cdf(weights, draws).tolist()):
            at[model].append(place)
        found: dict[int, Added] = {}
        for model, places in at.items():
            said = ensemble.ask(model, [texts[place] for place in places])
            found |= zip(places, alone(ensemble, model, said, [sampling[place] for place in places]), strict=True)
        return [found[place] for place in range(len(texts))]
