"""GaC: the mean of all models over the union of their vocabularies."""

from collections.abc import Sequence
from dataclasses import dataclass

from anabranch.serving.fusion.during.ensemble import Ensemble, Text
from anabranch.serving.fusion.during.linear import linear
from anabranch.serving.fusion.during.step import Added, Step
from anabranch.serving.fusion.during.together import together
from anabranch.serving.fusion.during.when_unsure import when_unsure


@dataclass(frozen=True)
class GaC(Step):
    """Average the next token's probabilities over the union of vocabularies, always or where one model is unsure.

    Args:
        threshold: probability of the primary model's likeliest token above which it writes alone; 1 asks all models
            for every token, as the authors' configuration does.
        primary: the place of the model that writes while it is sure.

    Raises:
        ValueError: a threshold that is no probability, or a negative place.
    """

    source = "Yu et al. 2024, arXiv 2406.12585; yaoching0/GaC"
    specification = "code"
    needs = "top"
    threshold: float = 1.0
    primary: int = 0

    def __post_init__(self) -> None:
        if not 0 <= self.threshold <= 1 or self.primary < 0:
            raise ValueError(
                f"threshold {self.threshold}, primary {self.primary}: a probability, 1 to ask all models always, and "
                "the place of a model, from 0 on"
            )

    def check(self, models: int) -> None:
        """See `Step`."""
        if self.primary >= models:
            raise ValueError(f"primary {self.primary}: {models} models have the places 0 to {models - 1}")

    def __call__(self, ensemble: Ensemble, texts: Sequence[Text]) -> list[tuple[Added, ...]]:
        """See `Step`."""
        if self.threshold == 1:
            return together(linear, ensemble, texts)
        return when_unsure(self.primary, self.threshold, linear, ensemble, texts)
