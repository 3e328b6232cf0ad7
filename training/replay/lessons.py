"""What recorded answers teach of the gain from the next model, and who learns it."""

from collections.abc import Sequence
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from anabranch.routers.deferral.post_hoc_signal import PostHocRule

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

SMALLEST_SPREAD = 1e-9


class Lessons(NamedTuple):
    """C answers of one model: what is seen of each, and what going on from it gains.

    Attributes:
        signals: names of the answers' signals: the first features.
        estimates: models whose estimated quality are the features after them.
        features: float64 [C, F], all of them finite.
        gain: float64 [C].
        weight: float64 [C]; a prompt weighs 1 in all.
        text: object [C], the routing text of each.
    """

    signals: tuple[str, ...]
    estimates: tuple[int, ...]
    features: Floats
    gain: Floats
    weight: Floats
    text: NDArray[np.object_]

    def take(self, rows: Bools | NDArray[np.intp]) -> "Lessons":
        """The answers of a mask, or in an order."""
        cells = (self.features[rows], self.gain[rows], self.weight[rows], self.text[rows])
        return Lessons(self.signals, self.estimates, *cells)


class LearnGain(Protocol):
    """How the gain is learned: settings, and one call."""

    def __call__(self, lessons: Lessons, taught: Bools, seed: int) -> Sequence[PostHocRule]:
        """K rules, each by what it was taught alone; the more there is to gain, the less sure the answer.

        Args:
            lessons: C answers.
            taught: [K, C], which of them each rule learns from, at least one.
            seed: of all that is drawn.
        """


def scales_of(features: Floats, weight: Floats) -> tuple[Floats, Floats]:
    """Means and standard deviations of features, [F] each; a constant has the deviation 1.

    Args:
        features: [C, F].
        weight: [C], not all 0.

    >>> scales_of(np.array([[1.0, 7.0], [5.0, 7.0]]), np.ones(2))
    (array([3., 7.]), array([2., 1.]))
    """
    means = np.average(features, axis=0, weights=weight)
    spread = np.sqrt(np.average((features - means) ** 2, axis=0, weights=weight))
    # what is left of a constant by rounding is no spread
    return means, np.where(spread > SMALLEST_SPREAD * np.abs(features).max(axis=0), spread, 1.0)
