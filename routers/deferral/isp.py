"""Votes less what the other models' votes made one expect."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import fsum

from anabranch.routers.deferral.state import State
from anabranch.routers.deferral.votes import clusters, plurality


@dataclass(frozen=True)
class ISP:
    """Inverse surprising popularity: an answer's count, less the count expected had each other voter said another one.

    The paper shuffles the names of the answers, prompt by prompt, so that none is likelier than another; here that is
    taken as given, as keys are answers and not letters. Then voter i says what voter j says with the rate q_ij at
    which they agree, and says each other answer with (1 - q_ij) / (K - 1); and the rule is a vote in which j weighs
    1 + the mean over all other voters i of (K q_ij - 1) / (K - 1)^2. Who voted is known only once answers are there:
    those without a key are no voters.

    Args:
        agreement: [M, M], how often each two models say the same; on the diagonal, two samples of one.
        choices: K, how many answers there are to choose from, at least 2; far above 2 all weigh alike.

    Raises:
        ValueError: the rates are not [M, M] numbers in [0, 1], or there is nothing to choose from.

    >>> round(ISP(((0.6, 0.9), (0.9, 0.8)), choices=2).weight(0, {0: 1, 1: 1}), 6)
    1.8
    """

    source = "Ai et al. 2025, arXiv 2510.01499"
    specification = "secondary"
    agreement: tuple[tuple[float, ...], ...]
    choices: float

    def __post_init__(self) -> None:
        if any(len(row) != len(self.agreement) or not all(0 <= rate <= 1 for rate in row) for row in self.agreement):
            raise ValueError(f"agreement {self.agreement} must have a rate in [0, 1] for each two models")
        if not self.choices >= 2:
            raise ValueError(f"{self.choices} answers to choose from; there must be 2 at least")

    def pick(self, state: State, places: Sequence[int]) -> int | None:
        """See `Fuser.pick`."""
        heard = [place for spoken in clusters(state, places).values() for place in spoken]
        voters = Counter(state.candidates[place].model for place in heard)
        vote = plurality(state, places, {model: self.weight(model, voters) for model in voters})
        return None if vote is None else vote.pick

    def weight(self, model: int, voters: Mapping[int, int]) -> float:
        """Of a vote of one model.

        Args:
            model: one of the voters.
            voters: how many votes each model has.
        """
        others = {**voters, model: voters[model] - 1}
        total = sum(others.values())
        foretold = fsum(votes * self._foretells(model, other) for other, votes in others.items())
        return 1 + foretold / total if total else 1.0

    def _foretells(self, one: int, other: int) -> float:
        return (self.choices * self.agreement[one][other] - 1) / (self.choices - 1) ** 2
