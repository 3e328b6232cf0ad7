"""One model writes, and asks the others where it is not sure."""

from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor

from anabranch.serving.fusion.during.alone import alone
from anabranch.serving.fusion.during.ensemble import Ensemble, Text
from anabranch.serving.fusion.during.step import Added, Step
from anabranch.upstreams.local.sampling import Sampling


@dataclass(frozen=True)
class WhenUnsure:
    """The others compute nothing while the first one is sure, and catch up in one forward when they are asked.

    Args:
        step: of all models, where the first one is not sure.
        threshold: probability of its likeliest token above which it is; 1 always asks the others.
        primary: its place.
    """

    step: Step
    threshold: float
    primary: int = 0

    def __call__(
        self, ensemble: Ensemble, texts: Sequence[Text], weights: Tensor, sampling: Sequence[Sampling]
    ) -> list[Added]:
        """See `Step`."""
        said = ensemble.ask(self.primary, texts)
        sure = (said.amax(dim=1).exp() > self.threshold).tolist()
        alone_at = [place for place, one in enumerate(sure) if one]
        asked_at = [place for place, one in enumerate(sure) if not one]
        found: dict[int, Added] = {}
        if alone_at:
            mine = alone(ensemble, self.primary, said[alone_at], [sampling[place] for place in alone_at])
            found |= zip(alone_at, mine, strict=True)
        if asked_at:
            given = ([texts[place] for place in asked_at], weights[asked_at], [sampling[place] for place in asked_at])
            found |= zip(asked_at, self.step(ensemble, *given), strict=True)
        return [found[place] for place in range(len(texts))]
