"""Spans of real models with tokenizers of their own: one text for all, read once, and judged side by side."""

from collections.abc import Sequence
from functools import cache

import pytest
import torch

from anabranch.serving.fusion.during.cool_fusion import CoolFusion
from anabranch.serving.fusion.during.draft import Limit, draft
from anabranch.serving.fusion.during.ensemble import Ensemble, Text
from anabranch.serving.fusion.during.spans import Candidate, Trial, judged
from anabranch.serving.fusion.during.specfuse import SpecFuse
from anabranch.serving.fusion.during.step import Step
from anabranch.serving.fusion.during.sweetspan import SweetSpan
from anabranch.upstreams.local.live_rows import LiveRows
from anabranch.upstreams.local.loading import load_rows
from anabranch.upstreams.local.orders import Orders
from anabranch.upstreams.local.sampling import Sampling
from anabranch.upstreams.pocket.frozen import check_frozen
from anabranch.upstreams.upstream import Request

OWL, HERON = "pocket-owl", "pocket-heron"
STEPS: list[Step] = [CoolFusion(), SweetSpan(), SpecFuse(rate=1.0)]
QUESTION = "Sort from small to large: 89, 49, 78, 81, 12. Just the answer."  # they do not agree on it


@cache
def pocket(name: str) -> LiveRows:
    return load_rows(check_frozen(name), "cpu", "float32")


def begun(models: Sequence[LiveRows], weights: Sequence[float], sampling: Sampling | None = None) -> Text:
    asked = Request("mix", ({"role": "user", "content": QUESTION},))
    orders = [Orders("mix", model.tokenizer, model.window, model.vocabulary.ends) for model in models]
    prompts = [order.chat(asked, streams=False).prompt for order in orders]
    (text,) = Ensemble.of(models).begin([prompts], [weights], [sampling or Sampling()])
    return text


def written(models: Sequence[LiveRows], step: Step, text: Text, most: int = 40) -> bytes:
    ensemble = Ensemble.of(models)
    step.begin(ensemble, [text])
    while len(text.written) < most:
        (added,) = step(ensemble, [text])
        text.written += b"".join(one.written for one in added)
        if added[-1].ends:
            break
    return text.written


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("heat", [0.0, 1.0])
def test_one_model_writes_what_it_writes_alone(step: Step, heat: float) -> None:
    """By itself under the same draws, and with itself where nothing is drawn."""
    owl, heron = pocket(OWL), pocket(HERON)
    alone = begun([owl], [1.0], Sampling(heat, seed=2))
    (expected,) = draft(Ensemble.of([owl]), 0, [alone], Limit(60))
    for models, weights in (([owl, heron], [1.0, 0.0]), ([owl, owl], [0.4, 0.6])):
        if models[1] is heron or heat == 0:
            found = written(models, step, begun(models, weights, Sampling(heat, seed=2)))
            assert expected.written[: len(found)] == found[: len(expected.written)] and found


@pytest.mark.parametrize("step", STEPS)
def test_models_share_every_byte_and_read_nothing_twice(step: Step) -> None:
    """All that goes through a model is its prompt, and once each token that was drafted or judged.

    Of a text that was drafted for too long what follows it is not kept, and its last token is read again by each.
    """
    models = [pocket(HERON), pocket(OWL)]
    ensemble, wrote = Ensemble.of(models), set()
    for seed in range(4):
        text = begun(models, [0.5, 0.5], Sampling(1.0, seed=seed))
        step.begin(ensemble, [text])
        before = sum(model.work.tokens for model in models)
        computed, ends = 0, False
        while not ends and len(text.written) < 30:
            (added,) = step(ensemble, [text])
            text.written += b"".join(one.written for one in added)
            computed, ends = computed + sum(added[0].computed), added[-1].ends
            wrote |= {*added[0].by}
            for row, model in zip(text.rows, models, strict=True):
                model.write(row, text.written)
                assert b"".join(model.vocabulary.written[token] or b"" for token in model.ids(row)) == text.written
        read = sum(model.work.tokens for model in models) - before
        again = 2 * text.memory.rounds if isinstance(step, SpecFuse) else 0
        assert read <= sum(map(len, text.prompts)) + computed + again
        ensemble.end([text])
    assert 1 in wrote, "and not the first of equals alone"


def test_scores_side_by_side_are_those_of_each_alone_and_those_of_who_wrote_it() -> None:
    """The likeliest tokens are as the tokenizer writes them, so what was said of them is what is said of the text."""
    models = [pocket(OWL), pocket(HERON)]
    ensemble, text = Ensemble.of(models), begun(models, [0.5, 0.5])
    text.written = b"12, 49"
    drafts = [draft(ensemble, place, [text], Limit(tokens))[0] for place in (0, 1) for tokens in (1, 3, 5)]
    candidates = [Candidate((one,)) for one in {one.written: one for one in drafts if one.written}.values()]
    together, tokens = judged(ensemble, [Trial(text, (0, 1), candidates)], "token")[0]
    apart = [judged(ensemble, [Trial(text, (0, 1), [one])], "token")[0] for one in candidates]
    torch.testing.assert_close(together, torch.cat([one for one, _ in apart], dim=1), atol=1e-4, rtol=0)
    assert len(candidates) > 2 and tokens == [sum(each) for each in zip(*(count for _, count in apart), strict=True)]
    of_bytes, _ = judged(ensemble, [Trial(text, (0, 1), candidates)], "byte")[0]
    for column, (own,) in enumerate(each.drafts for each in candidates):
        said = [one.logprob for one in own.tokens if not one.ends]
        assert float(of_bytes[own.place, column]) * len(own.written) == pytest.approx(sum(said), abs=1e-3)
        assert float(together[own.place, column]) * len(said) == pytest.approx(sum(said), abs=1e-3)
    ensemble.end([text])
