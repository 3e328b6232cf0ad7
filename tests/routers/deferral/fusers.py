"""Every fuser of three models, and answers to fuse."""

from collections.abc import Sequence

import numpy as np
from hypothesis import strategies as st

from anabranch.routers.deferral.fuser import Fuser
from anabranch.routers.deferral.isp import ISP
from anabranch.routers.deferral.majority import Majority
from anabranch.routers.deferral.state import Candidate, State
from anabranch.routers.deferral.weighted_vote import WeightedVote

MODELS = 3
AGREEMENT = ((0.9, 0.7, 0.2), (0.7, 0.6, 0.4), (0.2, 0.4, 0.8))
FUSERS: dict[str, Fuser] = {
    "isp": ISP(AGREEMENT, 2.5),
    "majority": Majority(),
    "majority that knows": Majority((0.3, 0.6, 0.5)),
    "weighted vote": WeightedVote((0.5, 0.25, 1.0)),
    "weighted vote of two": WeightedVote((0.5, 0.0, 0.5)),
}

Said = tuple[int, str | None, float, bool]
"""Model, key, cost, and whether the call failed."""

SAID: st.SearchStrategy[list[Said]] = st.lists(
    st.tuples(
        st.integers(0, MODELS - 1),
        st.sampled_from([None, "a", "b", "c"]),
        st.sampled_from([0.1, 0.2, 0.7, float("nan")]),
        st.booleans(),
    ),
    min_size=1,
    max_size=8,
)


def candidates(said: Sequence[Said]) -> list[Candidate]:
    return [
        Candidate(model, sample, key, cost_usd=cost_usd, failed=failed)
        for sample, (model, key, cost_usd, failed) in enumerate(said)
    ]


def state(said: Sequence[Candidate], quality: Sequence[float] = (0.2, 0.5, float("nan"))) -> State:
    return State(tuple(said), np.array(quality), np.ones(len(quality)), u=0.5)


def picked(fuser: Fuser, said: Sequence[Candidate]) -> Candidate | None:
    place = fuser.pick(state(said), range(len(said)))
    return None if place is None else said[place]
