"""Estimates that were made before, as a router's own: what cross-validation says is judged like any router."""

from collections.abc import Sequence

from anabranch.data.outcomes import Floats
from anabranch.routers.estimates import Estimates
from anabranch.routers.router import Estimate


def recalled(known: Sequence[str], said: Estimates[Floats]) -> Estimate:
    """What was said of N texts, e.g. by routers that had not seen them.

    Args:
        known: N routing texts; equal ones share the estimates of the last.
        said: [N, A].

    Raises:
        KeyError: when asked for another text.
    """
    row = {text: number for number, text in enumerate(known)}

    def estimate(texts: Sequence[str], tradeoff: Floats | None) -> Estimates[Floats]:
        rows = [row[text] for text in texts]
        return Estimates(*(part[rows] for part in said))

    return estimate
