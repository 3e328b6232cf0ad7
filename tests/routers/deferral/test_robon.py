from math import exp

import numpy as np
import pytest

from anabranch.routers.deferral.robon import RoBoN
from anabranch.routers.deferral.state import Answer, Call, Candidate, State


def after(*said: tuple[int, float | None, str | None], u: float = 0.0, failed: tuple[int, ...] = ()) -> State:
    """Model, reward and key of each call, in order."""
    calls = [0, 0, 0]
    candidates = []
    for place, (model, reward, key) in enumerate(said):
        signals = {} if reward is None else {"reward": reward}
        candidates.append(Candidate(model, calls[model], key, signals, failed=place in failed))
        calls[model] += 1
    return State(tuple(candidates), np.ones(3), np.ones(3), u)


def test_a_set_is_worth_its_weighted_promise() -> None:
    """Scores 0.8 and 0.2, keys a and b, alpha 0.7: promises 0.7 * 0.8 + 0.15 = 0.71 and 0.7 * 0.2 + 0.15 = 0.29.

    At beta 2 the second weighs exp(-1.2).
    """
    state, light = after((0, 0.8, "a"), (1, 0.2, "b")), exp(-1.2)
    assert RoBoN((0, 1), beta=2.0)._worth(state, [0, 1]) == pytest.approx((0.71 + 0.29 * light) / (1 + light))
    alike = after((0, 0.8, "a"), (1, 0.2, "a"))
    assert RoBoN((0, 1), beta=0.0)._worth(alike, [0, 1]) == pytest.approx((0.86 + 0.44) / 2)


def test_without_any_key_only_scores_count_and_none_agrees_with_none() -> None:
    assert RoBoN((0, 1), beta=0.0)._worth(after((0, 0.8, None), (1, 0.4, None)), [0, 1]) == pytest.approx(0.6)
    mixed = after((0, 0.8, None), (1, 0.4, "a"))
    assert RoBoN((0, 1), beta=0.0)._worth(mixed, [0, 1]) == pytest.approx((0.56 + 0.28 + 0.15) / 2)


def test_it_draws_again_the_model_whose_sample_it_takes_up() -> None:
    """Two models, four calls: two to look, then model 1 (0.9 against 0.5), whose next is poor, then model 0."""
    policy = RoBoN((0, 1), calls=4)
    assert policy.decide(after()) == Call((0, 1), "first")
    first = [(0, 0.5, "a"), (1, 0.9, "b")]
    assert policy.decide(after(*first)) == Call((1,), "promising")
    assert policy.decide(after(*first, (1, 0.1, "c"))) == Call((0,), "promising")
    assert policy.decide(after(*first, (1, 0.1, "c"), (0, 0.6, "a"))) == Answer(1, "best")


def test_samples_never_taken_up_answer_only_if_allowed() -> None:
    """Alpha 0 looks at agreement alone: a is taken up, and with it the other a; c, with the top score, is not."""
    said = [(0, 0.5, "a"), (1, 0.9, "c"), (0, 0.6, "a")]
    strict = RoBoN((0, 1), calls=3, alpha=0.0, beta=0.0, unused=False)
    assert strict._taken(after(*said)) == ([0], [2, 1])
    assert strict.decide(after(*said)) == Answer(2, "best")
    assert RoBoN((0, 1), calls=3, alpha=0.0, beta=0.0).decide(after(*said)) == Answer(1, "best")


def test_a_model_that_failed_is_not_called_again() -> None:
    policy = RoBoN((0, 1), calls=6)
    assert policy.decide(after((0, 0.1, "a"), (1, 0.9, "b"), failed=(1,))) == Call((0,), "promising")
    assert policy.decide(after((0, 0.1, "a"), (1, 0.9, "b"), (0, 0.3, "c"), failed=(1, 2))) == Answer(0, "best")


def test_an_unknown_score_is_the_lowest() -> None:
    assert RoBoN((0, 1), calls=2).decide(after((0, None, "a"), (1, 0.1, "b"))) == Answer(1, "best")


def test_a_single_call_goes_to_any_model() -> None:
    policy = RoBoN((0, 1), calls=1)
    assert [policy.decide(after(u=u)) for u in (0.49, 0.5)] == [Call((0,), "first"), Call((1,), "first")]
    assert policy.decide(after((1, 0.3, "a"))) == Answer(0, "best")


def test_drawn_answers_are_as_likely_as_their_weights() -> None:
    """Scores 1 and 0 at beta log 3 weigh 1 and 1/3: the first is drawn below u = 3/4."""
    policy = RoBoN((0, 1), calls=2, beta=float(np.log(3)), answer="draw")
    drawn = [policy.decide(after((0, 1.0, "a"), (1, 0.0, "b"), u=u)) for u in (0.0, 0.749, 0.751, 0.999)]
    assert drawn == [Answer(place, "drawn") for place in (0, 0, 1, 1)]


def test_settings_that_make_no_sense_are_refused() -> None:
    with pytest.raises(ValueError, match="at least one, and differ"):
        RoBoN((0, 0))
    with pytest.raises(ValueError, match="2 calls for 3 models"):
        RoBoN((0, 1, 2), calls=2)
    with pytest.raises(ValueError, match=r"not 1\.0 and 2"):
        RoBoN((0,), alpha=2)
