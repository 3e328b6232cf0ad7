import numpy as np
import pytest

from anabranch.data.replay_table import NO_KEY, ReplayTable
from anabranch.routers.deferral.endings import NO_ANSWER
from anabranch.routers.deferral.fuse_all import FuseAll
from anabranch.routers.deferral.isp import ISP
from anabranch.routers.deferral.majority import Majority
from anabranch.routers.deferral.registry import from_plain, to_plain
from anabranch.routers.deferral.state import Answer, Call, Candidate, State
from anabranch.routers.deferral.weighted_vote import WeightedVote
from anabranch.training.replay.executor import replay
from tests.routers.deferral.fusers import FUSERS, state


def test_all_are_called_at_once_and_only_once() -> None:
    policy = FuseAll((2, 0), 2, Majority())
    assert policy.decide(state([])) == Call((2, 2, 0, 0), "first")
    failed = [Candidate(model, sample, failed=True) for model in (2, 0) for sample in range(2)]
    assert policy.decide(state(failed)) == NO_ANSWER


def test_who_failed_does_not_vote_and_where_nobody_has_a_key_the_better_model_speaks() -> None:
    policy = FuseAll((0, 1, 2), 1, WeightedVote((5.0, 1.0, 1.0)))
    failed = [Candidate(0, key="a", failed=True), Candidate(1, key="b"), Candidate(2)]
    assert policy.decide(state(failed)) == Answer(1, "fused")
    mute = [Candidate(0, failed=True), Candidate(1, cost_usd=1.0), Candidate(2, cost_usd=9.0)]
    assert policy.decide(state(mute, (0.9, 0.1, 0.5))) == Answer(2, "unread")
    assert policy.decide(state(mute, (0.9, 0.5, 0.5))) == Answer(1, "unread")


@pytest.mark.parametrize("name", FUSERS)
@pytest.mark.parametrize("samples", [1, 3])
def test_a_replay_is_a_vote_in_numpy(name: str, samples: int) -> None:
    """Of three models, every weight counted in an array of votes; where two answers tie, either is right."""
    rng, shape, keys = np.random.default_rng(0), (80, 3, samples), 3
    table = ReplayTable.from_arrays(
        ["a", "b", "c"], rng.random(shape), cost_usd=rng.uniform(1, 2, shape), key=rng.integers(-1, keys, shape)
    )
    done = replay(FuseAll((0, 1, 2), samples, FUSERS[name]), table)
    assert np.allclose(done.cost_usd, table.cost_usd.sum(axis=(1, 2))) and (done.calls == samples).all()
    for row in range(len(table)):
        said = table.key[row]
        weights = np.array(weights_of(name, said))
        weighed = np.array([((said == key) * weights[:, None]).sum() for key in range(keys)])
        counts = np.array([(said == key).sum() for key in range(keys)])
        if (said == NO_KEY).all():
            continue
        there = np.where(counts > 0, weighed, -1.0)
        winners = np.flatnonzero(np.isclose(there, there.max()))
        given = table.quality[row] == np.float32(done.quality[row])
        assert given.sum() == 1 and said[given][0] in winners


def weights_of(name: str, said: np.ndarray) -> list[float]:
    """Of a vote of each model."""
    fuser = FUSERS[name]
    if isinstance(fuser, WeightedVote):
        return list(fuser.weights)
    if isinstance(fuser, Majority):
        return [1.0] * 3
    voters = {model: int((said[model] != NO_KEY).sum()) for model in range(3)}
    assert isinstance(fuser, ISP)
    told = (fuser.choices * np.array(fuser.agreement) - 1) / (fuser.choices - 1) ** 2
    found = []
    for model in range(3):
        others = np.array([voters[other] - (other == model) for other in range(3)])
        found.append(1 + float(others @ told[model]) / others.sum() if voters[model] and others.sum() else 1.0)
    return found


def test_as_json_and_back() -> None:
    for fuser in FUSERS.values():
        policy = FuseAll((0, 1, 2), 2, fuser)
        assert from_plain(to_plain(policy)) == policy
    assert to_plain(FuseAll((1,), 5, Majority((0.5, 0.25)))) == {
        "kind": "fuse-all",
        "models": [1],
        "samples": 5,
        "fuser": {"kind": "majority", "quality": [0.5, 0.25]},
    }


def test_settings_that_make_no_sense_are_refused() -> None:
    with pytest.raises(ValueError, match="ask for at least one of one"):
        FuseAll((), 1, Majority())
    with pytest.raises(ValueError, match="ask for at least one of one"):
        FuseAll((0,), 0, Majority())
    with pytest.raises(ValueError, match="must differ"):
        FuseAll((0, 0), 1, Majority())


def test_the_answer_is_the_one_it_has_where_one_is_asked() -> None:
    one = State((Candidate(1, key="a"),), np.full(2, np.nan), np.ones(2), u=0.0)
    assert FuseAll((1,), 1, Majority()).decide(one) == Answer(0, "fused")
