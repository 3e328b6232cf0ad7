from collections.abc import Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from anabranch.routers.deferral.answered import Answered
from anabranch.routers.deferral.chance import Chance
from anabranch.routers.deferral.scorer import Scorer
from anabranch.routers.deferral.signal_maps import Steps
from anabranch.routers.deferral.state import State
from anabranch.routers.deferral.threshold_chain import ThresholdChain
from anabranch.serving.strategies.candidates import candidate_of, without_logprobs
from anabranch.upstreams.text_completion import TextReply, TextRequest, TextToken
from anabranch.upstreams.upstream import Reply, Request, TokenLogprob

REQUEST = Request("wren", ())
REPLY = Reply("4", "wren-1b", "stop", None, 0.25, (TokenLogprob("4", -0.7),))


def test_a_reply_as_a_policy_sees_it() -> None:
    seen = candidate_of(2, 1, REQUEST, REPLY, 0.5, lambda text: f"={text}")
    assert (seen.model, seen.sample, seen.key, seen.cost_usd, seen.latency_s) == (2, 1, "=4", 0.5, 0.25)
    assert seen.signals["tokens"] == 1 and not seen.failed


def test_what_is_not_known_is_not_there() -> None:
    plain = Reply("4", "wren-1b", "stop", None, 0.25)
    seen = candidate_of(0, 0, REQUEST, plain, None)
    assert np.isnan(seen.cost_usd) and seen.key is None and not seen.signals


def test_signals_of_the_plan_come_on_top() -> None:
    """The chance of -0.7 is on the second step; 5 letters of a prompt less 1 of the answer are 4."""

    def spare(answers: Sequence[Answered]) -> NDArray[np.float32]:
        return np.array([len(one.prompt) - len(one.answer) for one in answers], np.float32)

    signals = (Scorer("spare", "f", spare), Chance("chance", "logprob_mean", (Steps((-1.0, -0.75), (0.1, 0.5)),)))
    seen = candidate_of(0, 0, REQUEST, REPLY, 0.5, None, signals, "2 + 2")
    assert (seen.signals["spare"], seen.signals["chance"], seen.signals["tokens"]) == (4.0, 0.5, 1.0)


def test_a_threshold_fitted_to_a_recording_is_met_by_the_same_answer() -> None:
    """The recording holds float32(-0.7), which is above -0.7: in float64 the answer would just miss it."""
    recorded = float(np.float32(-0.7))
    assert recorded > -0.7
    seen = candidate_of(0, 0, REQUEST, REPLY, 0.5)
    chain = ThresholdChain((0, 1), (recorded,), "logprob_mean")
    assert getattr(chain.decide(State((seen,), np.ones(2), np.ones(2), 0.0)), "reason") == "sure"  # noqa: B009


@pytest.mark.parametrize("prompt", ["It is", (5, 7)])
def test_only_what_was_written_counts(prompt: str | tuple[int, ...]) -> None:
    """Echoed are two tokens, the first of which nothing predicts; ids of tokens cannot be told from the answer."""
    tokens = (TextToken("It", None), TextToken(" is", -5.0), TextToken(" 4", -0.5))
    reply = TextReply("It is 4", "wren-1b", "stop", None, 0.1, tokens)
    seen = candidate_of(0, 0, TextRequest("wren", prompt, echo=True), reply, None, str)
    assert seen.key == (" 4" if prompt == "It is" else "It is 4")
    assert seen.signals.get("logprob_mean") == (-0.5 if prompt == "It is" else None)


def test_log_probabilities_are_taken_out_of_the_body_too() -> None:
    choice = {"index": 0, "message": {"content": "4"}, "logprobs": {"content": []}, "finish_reason": "stop"}
    reply = Reply("4", "wren-1b", "stop", None, 0.1, REPLY.logprobs, body={"id": "x", "choices": [choice]})
    plain = without_logprobs(reply)
    assert plain.logprobs == () and plain.body["id"] == "x"
    assert plain.body["choices"] == [{**choice, "logprobs": None}] and choice["logprobs"] is not None
    text = TextReply("4", "wren-1b", "stop", None, 0.1, (TextToken("4", -0.5),))
    assert without_logprobs(text).tokens == ()
