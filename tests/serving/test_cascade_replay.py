"""A live cascade decides as a replay of the same answers does."""

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pytest

from anabranch.routers.deferral.deferral import Deferral
from anabranch.routers.deferral.state import Action, Call, State
from anabranch.training.replay.executor import replay, sample_order
from anabranch.upstreams.upstream import Request
from tests.serving.birds import BIRDS, Bird, Say, calls_of, chat, text_of
from tests.serving.cascades import (
    FORESEEN,
    KIND,
    POLICIES,
    ROUTER,
    ROWS,
    SIGNALS,
    TEXTS,
    cascade,
    logprobs_at,
    recorded,
    run,
    said_at,
)


@dataclass(frozen=True)
class Watched:
    """A policy whose actions are written down.

    A sample's number is its place in the recording in a replay, and its turn live. It breaks the last of ties, between
    answers of one model that say and cost the same, so here it is its turn in both.
    """

    policy: Deferral
    actions: list[Action] = field(default_factory=list)

    @property
    def models(self) -> tuple[int, ...]:
        return self.policy.models

    def decide(self, state: State) -> Action:
        models = [one.model for one in state.candidates]
        turns = [models[:place].count(model) for place, model in enumerate(models)]
        said = tuple(replace(one, sample=turn) for one, turn in zip(state.candidates, turns, strict=True))
        self.actions.append(self.policy.decide(replace(state, candidates=said)))
        return self.actions[-1]


@dataclass(frozen=True)
class Silent:
    """A policy that is never asked."""

    models: tuple[int, ...] = (1,)

    def decide(self, state: State) -> Action:
        raise AssertionError("the trade-off is not this policy's")


SILENT = Silent()


def flock(row: int, order: np.ndarray[Any, Any]) -> dict[str, Bird]:
    """Answers a prompt from the recording, in the order in which a replay takes them."""

    def script(model: int) -> Any:
        def say(request: Request, call: int) -> Say:
            cell = (row, model, int(order[row, model, call]))
            return Say(said_at(cell), logprobs_at(cell))

        return say

    return {name: Bird(name, script(model)) for model, name in enumerate(BIRDS)}


@pytest.mark.parametrize("name", POLICIES)
def test_live_and_replayed_decisions_are_the_same(name: str) -> None:
    """The same actions in the same order, and so the same calls, costs and answers; streamed or not."""
    table, usual = recorded(), (2.0, 8.0, 32.0)
    order = sample_order(table, 0)
    quality, cost_usd = ROUTER.estimates(TEXTS, 0.9)[0].quality, np.tile(usual, (ROWS, 1))
    # the policy is the middle one of three stops; the other two must not speak
    options: dict[str, Any] = {"router": ROUTER, "usual_cost_usd": usual, "answers": KIND, "signals": SIGNALS}
    options["tradeoff"] = 0.5
    streamed = 0
    for row, text in enumerate(TEXTS):
        offline, online = Watched(POLICIES[name]), Watched(POLICIES[name])
        done = replay(offline, table.take([row]), quality=quality[[row]], cost_usd=cost_usd[[row]])
        whole = calls_of(flock(row, order), chat(text))
        reply = run(cascade(SILENT, online, SILENT, **options).complete(whole))
        assert online.actions == offline.actions
        flying = flock(row, order)
        pieces = calls_of(flying, chat(text))
        shown = run(text_of(cascade(SILENT, POLICIES[name], SILENT, **options).stream(pieces)))
        streamed += sum(bird.streamed for bird in flying.values())
        assert shown == reply.text
        for record in (whole.record, pieces.record):
            assert record.model == BIRDS[done.model[0]]
            assert record.reason == done.reason[0]
            assert record.cost_usd == pytest.approx(done.cost_usd[0])
            made = [model for action in offline.actions if isinstance(action, Call) for model in action.models]
            assert [call.model for call in record.calls] == [BIRDS[model] for model in made]
    assert (streamed > 0) == (name in FORESEEN)
