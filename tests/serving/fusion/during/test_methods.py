"""What holds for methods whatever the models: the sheet's invariants, on models that are tables."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from anabranch.serving.fusion.during.consistency import KINDS
from anabranch.serving.fusion.during.core import ALIGNMENTS, CoRE
from anabranch.serving.fusion.during.ensemble import Ensemble
from anabranch.serving.fusion.during.gac import GaC
from anabranch.serving.fusion.during.linear import linear
from anabranch.serving.fusion.during.log_linear import log_linear
from anabranch.serving.fusion.during.me import ME
from anabranch.serving.fusion.during.packllm import PackLLM
from anabranch.serving.fusion.during.purify import Purify
from anabranch.serving.fusion.during.specfuse import SpecFuse
from anabranch.serving.fusion.during.step import Step
from anabranch.serving.fusion.during.top_k_union import TopKUnion
from anabranch.serving.fusion.during.unite import UniTE
from anabranch.upstreams.local.sampling import Sampling
from tests.serving.fusion.during.toys import TableModel, letters
from tests.serving.fusion.during.written import Desk, order, write

CONSISTENT: list[Step] = [CoRE(align=align, kind=kind) for align in ALIGNMENTS for kind in KINDS]
MERGED: list[Step] = [GaC(), GaC(threshold=0.5), UniTE(), UniTE(k=2), Purify(), *CONSISTENT, PackLLM()]
SEEDS = st.integers(0, 10_000)


def text_of(
    models: Sequence[TableModel], step: Step, weights: Sequence[float], sampling: Sampling | None = None
) -> str:
    (found,) = write(models, step, [order(len(models), 8, weights=weights, sampling=sampling)])
    return found.text


@settings(max_examples=60)
@given(SEEDS, st.sampled_from(MERGED))
def test_a_model_with_itself_writes_what_it_writes_alone(seed: int, step: Step) -> None:
    alone = text_of([letters(seed, b"ab", b"bc")], step, [1])
    assert text_of([letters(seed, b"ab", b"bc")] * 2, step, [0.3, 0.7]) == alone


@settings(max_examples=60)
@given(SEEDS, st.sampled_from([*MERGED, ME()]), st.sampled_from([0.0, 1.0]))
def test_a_model_that_weighs_everything_writes_what_it_writes_alone(seed: int, step: Step, temperature: float) -> None:
    """Under the same draws; the union has no more symbols than its own vocabulary, so columns are the same."""
    first, second = letters(seed, b"ab", b"bc"), letters(seed + 1, b"ab", b"bc")
    alone = text_of([letters(seed, b"ab", b"bc")], step, [1], Sampling(temperature, seed=5))
    assert text_of([first, second], step, [1, 0], Sampling(temperature, seed=5)) == alone


@settings(max_examples=30)
@given(SEEDS, st.sampled_from([linear, log_linear, TopKUnion(3)]))
def test_the_order_of_models_does_not_matter(seed: int, merge: object) -> None:
    one, two = letters(seed, b"ab"), letters(seed + 1, b"cd")
    tables = []
    for models, weights in (((one, two), [0.25, 0.75]), ((two, one), [0.75, 0.25])):
        ensemble = Ensemble.of(models)
        texts = ensemble.begin([[[0]] * 2])
        said = [ensemble.ask(place, texts) for place in (0, 1)]
        assert callable(merge)
        table = merge(said, ensemble.union, torch.tensor([weights]))
        shares = zip(table.symbol[0].tolist(), (table.weight / table.weight.sum()).float()[0].tolist(), strict=True)
        tables.append(
            {
                ensemble.union.texts[symbol] + bytes([symbol == ensemble.union.end]): share
                for symbol, share in shares
                if share
            }
        )
    assert tables[0] == pytest.approx(tables[1], abs=1e-6)


def oracle(models: Sequence[TableModel], weights: Sequence[float]) -> dict[bytes | None, float]:
    """The plain mean in float64, by bytes; None is the end."""
    total: dict[bytes | None, float] = {}
    for model, weight in zip(models, weights, strict=True):
        (row,) = model.open([[0]])
        p: NDArray[np.float64] = model.next([row])[0].double().exp().numpy()
        for token, written in enumerate(model.vocabulary.written):
            if written is not None or token in model.vocabulary.ends:
                key = None if token in model.vocabulary.ends else written
                total[key] = total.get(key, 0.0) + weight * float(p[token])
    return total


@given(SEEDS, st.floats(0.05, 0.95))
def test_gac_is_the_plain_mean(seed: int, weight: float) -> None:
    models = [letters(seed, b"ab", b"a"), letters(seed + 1, b"cd", b"ab", b"b")]
    ensemble = Ensemble.of(models)
    said = [ensemble.ask(place, ensemble.begin([[[0]] * 2])) for place in (0, 1)]
    table = linear(said, ensemble.union, torch.tensor([[weight, 1 - weight]]))
    found = {
        None if symbol == ensemble.union.end else ensemble.union.texts[symbol]: share
        for symbol, share in zip(table.symbol[0].tolist(), table.weight[0].tolist(), strict=True)
    }
    assert found == pytest.approx(oracle(models, [weight, 1 - weight]), abs=1e-6)


@given(SEEDS, st.floats(0.0, 0.9), st.floats(0.01, 0.09))
def test_more_weight_never_takes_from_what_a_model_likes_best(seed: int, weight: float, more: float) -> None:
    """The mean is at most what it gives its likeliest token, if the other model gives that token less."""
    models = [letters(seed, b"ab"), letters(seed + 1, b"cd")]
    ensemble = Ensemble.of(models)
    said = [ensemble.ask(place, ensemble.begin([[[0]] * 2])) for place in (0, 1)]
    best = int(ensemble.union.columns[0][said[0].argmax()])
    before, after = (
        linear(said, ensemble.union, torch.tensor([[share, 1 - share]])).weight[0, best]
        for share in (weight, weight + more)
    )
    other = ensemble.union.given(1, said[1].exp())[0, best]
    assert after >= before - 1e-7 or other > said[0].max().exp()


@settings(max_examples=30)
@given(SEEDS, st.floats(0.01, 0.95))
def test_a_model_that_knows_nothing_changes_no_greedy_token(seed: int, weight: float) -> None:
    """It gives every token of the same vocabulary the same, so that the others' order stays."""
    knows = letters(seed, b"ab", b"bc")
    nothing = TableModel(knows.vocabulary.written, [*knows.vocabulary.ends], lambda text: torch.zeros(8))
    alone = text_of([letters(seed, b"ab", b"bc")], GaC(), [1])
    assert text_of([knows, nothing], GaC(), [1 - weight, weight]) == alone


def test_temperature_applies_to_the_merge_and_not_to_its_parts() -> None:
    """0.99 and 0.01 by one, the reverse by the other: 0.745 and 0.255 if they weigh 3 to 1, and their squares cooled.

    Cooled by itself, each would all but name its own token: about 0.75. 4,000 draws, within 5 standard errors.
    """
    one = TableModel([b"a", b"b", None], [2], lambda text: torch.tensor([0.99, 0.01, 1e-9]).log())
    other = TableModel([b"a", b"b", None], [2], lambda text: torch.tensor([0.01, 0.99, 1e-9]).log())
    ensemble = Ensemble.of([one, other])
    (text,) = ensemble.begin([[[0]] * 2], [[0.75, 0.25]])
    added = GaC()(ensemble, [replace(text, sampling=Sampling(0.5, seed=seed)) for seed in range(4000)])
    expected = 0.745**2 / (0.745**2 + 0.255**2)  # 0.895
    share = sum(token.written == b"a" for (token,) in added) / len(added)
    assert share == pytest.approx(expected, abs=5 * (expected * (1 - expected) / 4000) ** 0.5)


@given(SEEDS)
def test_unite_with_every_token_is_gac_where_the_vocabulary_is_shared(seed: int) -> None:
    models = [letters(seed, b"ab"), letters(seed + 1, b"ab")]
    ensemble = Ensemble.of(models)
    said = [ensemble.ask(place, ensemble.begin([[[0]] * 2])) for place in (0, 1)]
    weights = torch.tensor([[0.4, 0.6]])
    plain, top = linear(said, ensemble.union, weights), TopKUnion(99)(said, ensemble.union, weights)
    torch.testing.assert_close(torch.zeros_like(plain.weight).scatter_add(1, top.symbol, top.weight), plain.weight)


def test_a_symbol_that_a_model_lacks_is_given_what_its_beginning_is_given() -> None:
    """Of {ab, a}: the second model writes a, b and no ab. It thinks a 3 times as likely as its other token.

    k = 1: the first one's likeliest is ab, the second one's a. The first gives ab 4/5 and a 1/5 of the two. The second
    gives a, which it writes whole, all, since ab begins with a as well and one of them alone gets it: 1 and 0.
    """
    first = TableModel([b"a", b"ab", None], [2], lambda text: torch.tensor([1.0, 4.0, 1e-6]).log())
    second = TableModel([b"a", b"b", None], [2], lambda text: torch.tensor([3.0, 1.0, 1e-6]).log())
    ensemble = Ensemble.of([first, second])
    said = [ensemble.ask(place, ensemble.begin([[[0]] * 2])) for place in (0, 1)]
    table = TopKUnion(1)(said, ensemble.union, torch.tensor([[0.5, 0.5]]))
    found = dict(
        zip([ensemble.union.texts[one] for one in table.symbol[0].tolist()], table.weight[0].tolist(), strict=True)
    )
    assert found[b"a"] == pytest.approx(0.5 * 0.2 + 0.5) and found[b"ab"] == pytest.approx(0.5 * 0.8)


def test_purify_leaves_what_one_model_would_never_write() -> None:
    """sqrt(.64 * .36) = .48 against sqrt(.36 * .16) = .24; the third token is none of the second model's."""
    first = TableModel([b"a", b"b", b"c", None], [3], lambda text: torch.tensor([0.64, 0.36, 5.0, 1e-9]).log())
    second = TableModel([b"a", b"b", None], [2], lambda text: torch.tensor([0.36, 0.16, 1e-9]).log())
    ensemble = Ensemble.of([first, second])
    said = [ensemble.ask(place, ensemble.begin([[[0]] * 2])) for place in (0, 1)]
    table = log_linear(said, ensemble.union, torch.tensor([[0.5, 0.5]]))
    share = dict(zip(ensemble.union.texts, table.weight[0].tolist(), strict=True))
    assert share[b"b"] / share[b"a"] == pytest.approx(0.5) and share[b"c"] == 0


def test_me_draws_from_the_mixture() -> None:
    """20,000 first tokens against the weighted mean, by a chi-square test at 1e-4 (5 symbols, 4 degrees: 23.5)."""
    models = [letters(1), letters(2)]
    weights = [0.3, 0.7]
    ensemble, draws = Ensemble.of(models), 20_000
    (text,) = ensemble.begin([[[0]] * 2], [weights])
    found = ME()(ensemble, [replace(text, sampling=Sampling(1.0, seed=one)) for one in range(draws)])
    expected = oracle(models, weights)
    counts = {key: sum((None if one.ends else one.written) == key for (one,) in found) for key in expected}
    assert sum((counts[key] - draws * share) ** 2 / (draws * share) for key, share in expected.items()) < 23.5


def test_models_that_are_not_asked_compute_nothing_and_catch_up_at_once() -> None:
    """The first model is sure of its first four tokens and then is not: the other is asked once, after four."""
    sure = torch.tensor([9.0, 0.0, 0.0, 0.0, -9.0, -9.0])
    first = TableModel(letters(0).vocabulary.written, [5], lambda text: sure if len(text) < 4 else sure / 9)
    second = letters(1)
    desk = Desk([first, second], GaC(threshold=0.9))
    found = desk.hand_in(order(2, 5))
    for _ in range(4):
        desk.turn()
    assert second.work.forwards == 0 and first.work.forwards == 4
    desk.finish()
    assert second.work.forwards == 1 and first.work.forwards == 5
    assert found.computed == 4 * 1 + 2


@pytest.mark.parametrize(
    "step", [GaC(), GaC(threshold=0.5), GaC(threshold=0.5, primary=1), UniTE(), Purify(), CoRE(), SpecFuse()]
)
def test_models_without_weight_are_not_asked(step: Step) -> None:
    """Beside a text that both write: the text that is one model's alone is read and computed by that one."""
    models = [letters(3, b"ab"), letters(4, b"cd")]
    one, both = write(models, step, [order(2, 6, weights=[1, 0]), order(2, 6, prompt=1)])
    (alone,) = write([letters(3, b"ab")], GaC(), [order(1, 6)])
    assert one.text == alone.text
    assert one.whole.end is not None and one.whole.end.prompt_tokens == 1
    assert both.whole.end is not None and both.whole.end.prompt_tokens == 2
    routed = [letters(3, b"ab"), letters(4, b"cd")]
    (by_one,) = write(routed, step, [order(2, 6, weights=[1, 0])])
    assert routed[1].work.forwards == 0
    assert 0 <= by_one.computed - alone.computed <= isinstance(step, SpecFuse), "which may look a token ahead"


@pytest.mark.parametrize("step", [GaC(), UniTE(), CoRE(), PackLLM()])
def test_every_model_takes_one_forward_a_step(step: Step) -> None:
    models = [letters(3, b"ab"), letters(4, b"cd"), letters(5)]
    found = write(models, step, [order(3, 6), order(3, 6, weights=[1, 2, 3], prompt=1)])
    longest = max(one.computed for one in found) // 3
    assert [model.work.forwards for model in models] == [longest] * 3
