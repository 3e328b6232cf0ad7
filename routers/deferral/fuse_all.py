"""All models at once; a fuser picks one of their answers."""

from dataclasses import dataclass

from anabranch.routers.deferral.fuser import Fuser
from anabranch.routers.deferral.state import Action, Answer, Call, State
from anabranch.routers.deferral.votes import voted


@dataclass(frozen=True)
class FuseAll:
    """Call every model, each as often, all at once; answer with what the fuser picks.

    A call that fails was asked all the same, and nothing is asked again. Where the fuser picks nothing, the plurality
    answers, and where nobody has a key, the answer of the model thought best, then the cheapest.

    Args:
        models: that are called.
        samples: of each; those of one model are votes of their own.
        fuser: picks the answer.

    Raises:
        ValueError: there is no model or no sample, or a model is there twice.

    >>> from anabranch.routers.deferral.majority import Majority
    >>> from anabranch.routers.deferral.state import Candidate
    >>> import numpy as np
    >>> said = tuple(Candidate(model, key=key) for model, key in enumerate(["a", "b", "b"]))
    >>> FuseAll((0, 1, 2), 1, Majority()).decide(State(said, np.ones(3), np.ones(3), u=0.0))
    Answer(pick=1, reason='fused')
    """

    source = "the frame is ours; each fuser names its own"
    specification = "ours"
    models: tuple[int, ...]
    samples: int
    fuser: Fuser

    def __post_init__(self) -> None:
        if not self.models or self.samples < 1:
            raise ValueError(f"{self.samples} samples of the models {self.models}; ask for at least one of one")
        if len(set(self.models)) < len(self.models):
            raise ValueError(f"models {self.models} must differ; ask for more samples instead")

    def decide(self, state: State) -> Action:
        """See `Deferral.decide`."""
        if not state.candidates:
            return Call(tuple(model for model in self.models for _ in range(self.samples)), "first")
        places = range(len(state.candidates))
        pick = self.fuser.pick(state, places)
        return voted(state, places, "unread") if pick is None else Answer(pick, "fused")
