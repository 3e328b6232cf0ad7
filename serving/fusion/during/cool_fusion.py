"""Cool-Fusion: the word that all models together find least surprising."""

from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor

from anabranch.serving.fusion.during.draft import Limit
from anabranch.serving.fusion.during.ensemble import Ensemble, Text
from anabranch.serving.fusion.during.spans import (
    Candidate,
    Per,
    SpanStep,
    check_per,
    lowest,
    mean_of_judges,
    spans,
)
from anabranch.serving.fusion.during.step import Added


@dataclass(frozen=True)
class CoolFusion(SpanStep):
    """Each model writes a word, and the word is added of which the models' mean negative log-likelihood is lowest.

    The paper ends a segment where every tokenizer has a word's end; here at whitespace, which is one for all of them.

    Args:
        tokens: of a word, at most; what goes on is the next round's.
        per: what log-probabilities are averaged over, see `Per`; "token" as in the paper.

    Raises:
        ValueError: no tokens, or another `per`.
    """

    source = "Liu et al. 2024, arXiv 2407.19807"
    specification = "paper"
    needs = "scores"
    tokens: int = 16
    per: Per = "byte"

    def __post_init__(self) -> None:
        check_per(self.per)
        if self.tokens < 1:
            raise ValueError(f"tokens is {self.tokens}; a word has 1 or more")

    def __call__(self, ensemble: Ensemble, texts: Sequence[Text]) -> list[tuple[Added, ...]]:
        """See `Step`."""
        return spans(Limit(self.tokens, words=1), self.per, least_surprising, ensemble, texts)


def least_surprising(text: Text, candidates: Sequence[Candidate], scores: Tensor) -> int:
    """See `Choose`."""
    return lowest(mean_of_judges(-scores, text.weights))
