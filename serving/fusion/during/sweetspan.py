"""SweetSpan: the span of words with the lowest perplexity, judges that are far from the others left out."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
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
class SweetSpan(SpanStep):
    """Each model writes some words, and those of the lowest mean perplexity are added.

    Where the judges of a span are too far apart, the highest and the lowest of its perplexities do not count.

    Args:
        words: of a span.
        tokens: of a span, at most.
        ratio: of a span's highest to its lowest perplexity, above which those two are outliers. Of bytes perplexities
            are closer to each other than of tokens.
        per: what log-probabilities are averaged over, see `Per`; "token" as in the paper.

    Raises:
        ValueError: no words or tokens, a ratio below 1, or another `per`.
    """

    source = "Xu et al. 2024, arXiv 2409.18583; the filter as in AdaFuse@c7ecc712"
    specification = "secondary"
    needs = "scores"
    words: int = 4
    tokens: int = 32
    ratio: float = 10.0
    per: Per = "byte"

    def __post_init__(self) -> None:
        check_per(self.per)
        if min(self.words, self.tokens) < 1 or not self.ratio >= 1:
            raise ValueError(
                f"words {self.words}, tokens {self.tokens}, ratio {self.ratio}: a span has 1 word and token or more, "
                "and a ratio of the highest to the lowest is 1 or more"
            )

    def __call__(self, ensemble: Ensemble, texts: Sequence[Text]) -> list[tuple[Added, ...]]:
        """See `Step`."""
        return spans(Limit(self.tokens, self.words), self.per, self._choose, ensemble, texts)

    def _choose(self, text: Text, candidates: Sequence[Candidate], scores: Tensor) -> int:
        kept = without_outliers((-scores).exp(), self.ratio)
        return lowest(mean_of_judges(kept, text.weights))


def without_outliers(perplexities: Tensor, ratio: float) -> Tensor:
    """Perplexities with NaN for those that are outliers.

    In a column whose highest is more than so many times its lowest, those two are; if nothing else is there, the
    highest alone.

    Args:
        perplexities: float64 (M, C); NaN for no say.
        ratio: above which there are outliers.

    >>> without_outliers(torch.tensor([[2.0, 2.0], [3.0, 90.0], [4.0, 4.0]]), 10.0).tolist()
    [[2.0, nan], [3.0, nan], [4.0, 4.0]]
    >>> without_outliers(torch.tensor([[2.0], [90.0]]), 10.0).tolist()
    [[2.0], [nan]]
    """
    low = perplexities.nan_to_num(torch.inf, posinf=torch.inf).amin(dim=0)  # (C,)
    high = perplexities.nan_to_num(-torch.inf, posinf=torch.inf).amax(dim=0)
    inner = (perplexities > low) & (perplexities < high)
    inner = torch.where(inner.any(dim=0), inner, perplexities < high)
    return perplexities.where(inner | ~(high > ratio * low), torch.nan)
