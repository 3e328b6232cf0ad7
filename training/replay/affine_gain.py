"""The gain from the next model as an affine map of what is seen of an answer."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from sklearn.linear_model import LogisticRegression

from anabranch.routers.deferral.affine_signal import AffineSignal
from anabranch.training.replay.lessons import Bools, Floats, Lessons, scales_of

Learner = Literal["ridge", "logistic"]


@dataclass(frozen=True)
class AffineGain:
    """Ridge or logistic regression on standardised features.

    Args:
        learner: "ridge" learns the gain; "logistic" whether there is any, and its signal is a logit.
        penalty: of the weights; as strong as this many prompts.
    """

    learner: Learner = "ridge"
    penalty: float = 1.0

    def __call__(self, lessons: Lessons, taught: Bools, seed: int = 0) -> tuple[AffineSignal, ...]:
        """See `LearnGain`; nothing is drawn."""
        return tuple(self._rule(lessons.take(rows)) for rows in taught)

    def _rule(self, lessons: Lessons) -> AffineSignal:
        means, scale = scales_of(lessons.features, lessons.weight)
        learn = _ridge if self.learner == "ridge" else _logistic
        weights, bias = learn((lessons.features - means) / scale, lessons.gain, lessons.weight, self.penalty)
        laid = tuple(means.tolist()), tuple((-weights / scale).tolist())
        return AffineSignal(lessons.signals, lessons.estimates, *laid, -bias)


def _ridge(features: Floats, gain: Floats, weight: Floats, penalty: float) -> tuple[Floats, float]:
    """Weights [F] and bias of the expected gain; features are centred."""
    middle = float(np.average(gain, weights=weight))
    weighted = features.T * weight
    curvature = weighted @ features + penalty * np.eye(features.shape[1])
    return np.asarray(np.linalg.solve(curvature, weighted @ (gain - middle))), middle


def _logistic(features: Floats, gain: Floats, weight: Floats, penalty: float) -> tuple[Floats, float]:
    """Weights [F] and bias of the log-odds that there is a gain; all 0 where there always or never is."""
    better = gain > 0
    if better.all() or not better.any():
        return np.zeros(features.shape[1]), 0.0
    model = LogisticRegression(C=1 / penalty, max_iter=1000).fit(features, better, weight)
    return np.asarray(model.coef_[0], np.float64), float(model.intercept_[0])
