"""UniTE: the mean of all models over the union of their likeliest tokens."""

from collections.abc import Sequence
from dataclasses import dataclass

from anabranch.serving.fusion.during.ensemble import Ensemble, Text
from anabranch.serving.fusion.during.step import Added, Step
from anabranch.serving.fusion.during.together import together
from anabranch.serving.fusion.during.top_k_union import TopKUnion


@dataclass(frozen=True)
class UniTE(Step):
    """Average what all models think of each model's k likeliest tokens, and of nothing else.

    The paper also says which models to put together: those of like quality and style; that is left to the user.

    Args:
        k: tokens of each model.

    Raises:
        ValueError: k is below 1.
    """

    source = "Yao et al. 2024, arXiv 2410.03777; starrYYxuan/UniTE@106a8952"
    specification = "code"
    needs = "top"
    k: int = 10

    def __post_init__(self) -> None:
        if self.k < 1:
            raise ValueError(f"k is {self.k}; it must be 1 token or more")

    @property
    def top(self) -> int:
        """See `Step`."""
        return self.k

    def __call__(self, ensemble: Ensemble, texts: Sequence[Text]) -> list[tuple[Added, ...]]:
        """See `Step`."""
        return together(TopKUnion(self.k), ensemble, texts)
