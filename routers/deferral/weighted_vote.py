"""The answer with the heaviest votes."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf, log

from anabranch.routers.deferral.state import State
from anabranch.routers.deferral.votes import plurality


@dataclass(frozen=True)
class WeightedVote:
    """Votes count what their model weighs; `optimal_weight` is the weight of models that err independently.

    A weight of 0 is heard only where the others tie, as then the count decides.

    Args:
        weights: M, of a vote of each model.

    Raises:
        ValueError: a weight is negative, infinite or unknown.

    >>> from anabranch.routers.deferral.state import Candidate
    >>> import numpy as np
    >>> said = tuple(Candidate(model, key=key) for model, key in enumerate(["a", "b", "b"]))
    >>> WeightedVote((3.0, 1.0, 1.0)).pick(State(said, np.ones(3), np.ones(3), u=0.0), range(3))
    0
    """

    source = "Ai et al. 2025, arXiv 2510.01499"
    specification = "secondary"
    weights: tuple[float, ...]

    def __post_init__(self) -> None:
        if not all(0 <= weight < inf for weight in self.weights):
            raise ValueError(f"weights {self.weights} must be 0 or more, and finite: 0 leaves a model's votes out")

    def pick(self, state: State, places: Sequence[int]) -> int | None:
        """See `Fuser.pick`."""
        vote = plurality(state, places, dict(enumerate(self.weights)))
        return None if vote is None else vote.pick


def optimal_weight(accuracy: float, choices: float) -> float:
    """log((K - 1) x / (1 - x)), the best weight where models err independently and every wrong answer is as likely.

    No better than chance weighs 0. The formula is negative there, and would make of a vote for one answer a vote for
    all others, which is wrong as soon as wrong answers are not equally likely.

    Args:
        accuracy: x, strictly between 0 and 1.
        choices: K, how many answers there are to choose from, more than 1.

    >>> round(optimal_weight(0.75, 4), 4), optimal_weight(0.25, 4), optimal_weight(0.1, 4)
    (2.1972, 0.0, 0.0)
    """
    return max(log((choices - 1) * accuracy / (1 - accuracy)), 0.0)
