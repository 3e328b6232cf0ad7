"""A weak model asked several times; where it does not agree with itself, the strong model."""

from dataclasses import dataclass
from typing import Literal

from anabranch.routers.deferral.state import Action, Answer, Call, State
from anabranch.routers.deferral.votes import places_of, plurality, speaker, voted


@dataclass(frozen=True)
class Consistency:
    """Sample the weak model in one or two prompt settings, all at once; keep what it says if it says it often enough.

    To vote is to pool all samples: the answer given most often is kept if its share reaches tau. To verify is to ask
    whether the two settings, each for itself, give the same answer most often. Where no sample gives an answer, the
    strong model is called.

    Args:
        models: one or two weak ones, usually the same model under two prompts, then the strong one.
        samples: of each weak one.
        tau: the least share of the samples asked for that is enough; failed and unreadable ones count among them.
        form: vote or verify.
        strong_samples: of the strong one; if more than one, they vote.

    Raises:
        ValueError: the models are not two or three different ones, verify has not two weak ones, or no sample is asked.

    >>> from anabranch.routers.deferral.state import Candidate
    >>> import numpy as np
    >>> said = tuple(Candidate(0, sample, key) for sample, key in enumerate(["a", "b", "b"]))
    >>> Consistency((0, 1), samples=3, tau=0.6).decide(State(said, np.ones(2), np.ones(2), u=0.0))
    Answer(pick=1, reason='agree')
    """

    source = "Yue et al. 2024, arXiv 2310.03094"
    specification = "code"
    models: tuple[int, ...]
    samples: int = 7
    tau: float = 0.6
    form: Literal["vote", "verify"] = "vote"
    strong_samples: int = 1

    def __post_init__(self) -> None:
        if len(self.models) not in (2, 3) or len(set(self.models)) < len(self.models):
            raise ValueError(f"models {self.models} must be one or two weak ones and a strong one, all different")
        if self.form == "verify" and len(self.models) == 2:
            raise ValueError("to verify is to compare two weak settings; name two weak models, or vote")
        if self.samples < 1 or self.strong_samples < 1:
            raise ValueError(
                f"{self.samples} weak and {self.strong_samples} strong samples; ask for at least 1 of each"
            )

    def decide(self, state: State) -> Action:
        """See `Deferral.decide`."""
        *weak, strong = self.models
        if not state.candidates:
            return Call(tuple(model for model in weak for _ in range(self.samples)), "first")
        if state.calls_of(strong):
            return voted(state, places_of(state, {strong}), "strong")
        kept = self._verified(state) if self.form == "verify" else self._voted(state)
        return Call((strong,) * self.strong_samples, "disagree") if kept is None else Answer(kept, "agree")

    def is_final(self, state: State, call: Call) -> bool:
        """See `Foreseeing.is_final`: a single sample of the strong model has nobody to vote with."""
        return call.models == self.models[-1:]

    def _voted(self, state: State) -> int | None:
        vote = plurality(state, places_of(state, self.models))
        return None if vote is None or vote.share < self.tau else vote.pick

    def _verified(self, state: State) -> int | None:
        votes = [plurality(state, places_of(state, {model})) for model in self.models[:-1]]
        both = [vote for vote in votes if vote is not None]
        said = {state.candidates[vote.pick].key for vote in both}
        if len(both) < len(votes) or len(said) > 1:
            return None
        return speaker(state, [place for vote in both for place in vote.winners])
