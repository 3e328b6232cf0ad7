"""PackLLM: weights come from the prompt, and what is written is the reference's."""

from collections.abc import Sequence
from types import SimpleNamespace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from anabranch.serving.fusion.during.ensemble import Ensemble, Text
from anabranch.serving.fusion.during.heard_prompt import HeardPrompt, SharedPrompt
from anabranch.serving.fusion.during.longest_run import longest_run
from anabranch.serving.fusion.during.packllm import PackLLM
from anabranch.upstreams.local.loading import load_rows
from anabranch.upstreams.local.sampling import Sampling
from anabranch.upstreams.local.token_model import Work
from anabranch.upstreams.pocket.frozen import check_frozen
from tests.serving.fusion.during.toys import Law, TableModel, law

SEEDS = st.integers(0, 10_000)
WAYS = st.sampled_from(["sim", "opt", "top1", "uniform"])
MISSING = st.sampled_from(["nearest", "prefix"])
LETTERS = [b"a", b"b", b"c", b"d"]


class Reader(TableModel):
    """A table that reads its prompts, in the tokens that it is given them in; the law goes by all bytes."""

    def __init__(self, written: Sequence[bytes | None], ends: Sequence[int], law: Law) -> None:
        super().__init__(written, ends, law)
        self._rows: dict[int, SimpleNamespace] = {}
        self.heard_of: list[int] = []

    def open(self, prompts: Sequence[Sequence[int]]) -> list[int]:
        rows = super().open(prompts)
        for row, prompt in zip(rows, prompts, strict=True):
            self._rows[row] = SimpleNamespace(ids=[*prompt], prompt=len(prompt))
        return rows

    def heard(self, row: int, most: int) -> Tensor:
        self.heard_of.append(row)
        ids = self._rows[row].ids
        lengths = range(max(1, len(ids) - most + 1), len(ids) + 1)
        return torch.stack([self._said(self._bytes(ids[:length])) for length in lengths])

    def next(self, rows: Sequence[int]) -> Tensor:
        super().next(rows)
        return torch.stack([self._said(self._bytes(self._rows[row].ids) + self._texts[row]) for row in rows])

    def read(self, text: bytes) -> list[int]:
        """A special token, then the longest tokens from the left."""
        ids = [self.vocabulary.written.index(None)]
        while text:
            fitting = [token for token in self.vocabulary.ids if text.startswith(token)]
            best = max(fitting, key=len)
            ids.append(self.vocabulary.ids[best])
            text = text[len(best) :]
        return ids

    def _bytes(self, ids: Sequence[int]) -> bytes:
        return b"".join(self.vocabulary.written[token] or b"" for token in ids)


def reader(seed: int, *more: bytes) -> Reader:
    written: list[bytes | None] = [*LETTERS, *more, None, None]
    return Reader(written, [len(written) - 1], law(len(written), seed))


def steady(written: Sequence[bytes], chances: Sequence[float]) -> Reader:
    """One law whatever was read, and an end that never comes."""
    logits = torch.tensor([*chances, 1e-12, 1e-12]).log()
    return Reader([*written, None, None], [len(written) + 1], lambda text: logits)


def begun(
    models: Sequence[Reader], step: PackLLM, prompt: bytes, weights: Sequence[float] = ()
) -> tuple[Text, Ensemble]:
    ensemble = Ensemble.of(models)
    shares = [*weights] or [1 / len(models)] * len(models)
    (text,) = ensemble.begin([[model.read(prompt) for model in models]], [shares])
    step.begin(ensemble, [text])
    return text, ensemble


def written(
    models: Sequence[Reader], step: PackLLM, prompt: bytes, weights: Sequence[float] = (), temperature: float = 0.0
) -> bytes:
    text, ensemble = begun(models, step, prompt, weights)
    text.sampling = Sampling(temperature, seed=3)
    for _ in range(8):
        ((added,),) = step(ensemble, [text])
        text.written += added.written
        if added.ends:
            break
    return text.written


def test_weights_are_the_softmax_of_what_the_prompt_costs_a_token_of_the_reference() -> None:
    """Of "abab" the first knows a and b, 1/2 each: 4 log 2 in 4 tokens. The second writes "ab" in one, 1/8: 2 log 8.

    log 2 against (6 log 2) / 4: the softmax of -1 and -1.5 times log 2 is 1 / (1 + 2^-0.5).
    """
    first = steady([b"a", b"b"], [0.5, 0.5])
    second = steady([b"a", b"b", b"ab"], [0.5, 0.375, 0.125])
    text, _ = begun([second, first], PackLLM(), b"abab")
    assert text.weights == pytest.approx([1 - 1 / (1 + 2**-0.5), 1 / (1 + 2**-0.5)], abs=1e-6)
    assert text.memory == 1


def test_a_temperature_flattens_weights() -> None:
    models = [steady([b"a", b"b"], [0.5, 0.5]), steady([b"a", b"b"], [0.25, 0.75])]
    text, _ = begun(models, PackLLM(temperature=2.0), b"aa")
    assert text.weights == pytest.approx([1 / (1 + 2**-0.5), 1 - 1 / (1 + 2**-0.5)], abs=1e-6)


def test_losses_are_compared_over_bytes_that_all_have_heard() -> None:
    """The last 3 of "aaaabb" are "abb" for one and, with "bb" a token, "aabb" for the other.

    What the first of them is nothing was said of, so "bb" and "abb" are heard, and compared is "bb".
    """
    one = steady([b"a", b"b"], [0.5, 0.5])
    other = steady([b"a", b"bb"], [0.25, 0.75])
    text, _ = begun([one, other], PackLLM(most=3), b"aaaabb")
    nats = torch.tensor([2 * 0.6931, 0.28768])
    assert text.weights == pytest.approx((-nats).softmax(dim=0).tolist(), abs=1e-4)


def test_templates_may_write_what_they_like() -> None:
    """What stands around the question in one of them is nobody's loss."""
    model = steady([b"a", b"b", b":"], [0.6, 0.3, 0.1])
    ensemble = Ensemble.of([model, model])
    (text,) = ensemble.begin([[model.read(b"aab"), model.read(b"b::aab:")]])
    heard = [HeardPrompt.of(ensemble, place, text, 99) for place in (0, 1)]
    shared = SharedPrompt.of(heard)
    assert shared is not None and shared.tokens == [3, 3] and shared.first == (0, 3)
    assert shared.nats[0] == pytest.approx(shared.nats[1]) == pytest.approx(2.2256, abs=1e-4)  # -log(.6 * .6 * .3)


def test_the_shared_boundaries_are_those_of_all() -> None:
    """ab|a|b and a|b|ab have the middle in common."""
    one, other = reader(1, b"ab"), reader(2, b"ab")
    ensemble = Ensemble.of([one, other])
    special, a, b, ab = 5, 0, 1, 4
    (text,) = ensemble.begin([[[special, ab, a, b], [special, a, b, ab]]])
    shared = SharedPrompt.of([HeardPrompt.of(ensemble, place, text, 99) for place in (0, 1)])
    assert shared is not None and shared.shared == ((0, 0), (1, 2)) and shared.tokens == [3, 3]


@settings(max_examples=60)
@given(st.lists(st.binary(max_size=9).map(lambda text: bytes(byte % 3 for byte in text)), min_size=1, max_size=3))
def test_the_longest_longest_run_is_found(texts: list[bytes]) -> None:
    runs = {texts[0][a:b] for a in range(len(texts[0]) + 1) for b in range(a, len(texts[0]) + 1)}
    starts, length = longest_run(texts)
    assert length == max(len(run) for run in runs if all(run in text for text in texts))
    assert len({text[start : start + length] for text, start in zip(texts, starts, strict=True)}) == 1


def test_opt_finds_the_mixture_that_predicts_best() -> None:
    """Each of two models is sure of one half of the prompt and knows nothing of the other: half of each is best.

    A third that knows nothing anywhere gets no weight.
    """

    def knows(half: bytes) -> Reader:
        def of(text: bytes) -> Tensor:
            logits = torch.zeros(6)
            logits[4:] = -30.0
            if len(text) < 4:
                after = b"abcdabcd"[len(text) : len(text) + 1]
                logits[LETTERS.index(after)] += 3.0 * (after in half)
            return logits

        return Reader([*LETTERS, None, None], [5], of)

    models = [knows(b"ab"), knows(b"cd"), knows(b"")]
    text, _ = begun(models, PackLLM(how="opt"), b"abcd")
    assert text.weights == pytest.approx([0.5, 0.5, 0.0], abs=1e-6)


def test_top1_is_the_best_model_and_the_others_are_not_asked() -> None:
    models = [steady([b"a", b"b"], [0.2, 0.8]), steady([b"a", b"b"], [0.7, 0.3])]
    assert written(models, PackLLM(how="top1"), b"aaa") == b"a" * 8
    assert [model.work.forwards for model in models] == [0, 8]


def test_uniform_weighs_all_alike_but_those_of_no_weight() -> None:
    models = [reader(seed) for seed in range(3)]
    text, _ = begun(models, PackLLM(how="uniform"), b"abc", [0.1, 0.0, 0.9])
    assert text.weights == [0.5, 0.0, 0.5] and text.memory != 1


def test_texts_of_one_batch_have_references_of_their_own() -> None:
    """The first model writes "ab", which the second has not; the first is the reference where it predicts better."""
    first = steady([b"a", b"ab", b"b"], [0.1, 0.6, 0.3])
    second = steady([b"a", b"b"], [0.8, 0.2])
    ensemble, step = Ensemble.of([first, second]), PackLLM(how="uniform")
    texts = ensemble.begin([[model.read(prompt) for model in (first, second)] for prompt in (b"abab", b"aaaa")])
    step.begin(ensemble, texts)
    assert [text.memory for text in texts] == [0, 1]
    together = step(ensemble, texts)
    assert [one.written for (one,) in together] == [b"ab", b"a"]
    assert together == [step(ensemble, [text])[0] for text in texts]


@pytest.mark.parametrize(("missing", "given"), [("nearest", [0.7, 0.2, 0.2]), ("prefix", [0.2, 0.2, 0.2])])
def test_a_lacking_token_is_given_what_stands_for_it(missing: str, given: list[float]) -> None:
    """ "xabc" is nearest to "abc", and begins with "x"; "xb" is as near to "b" as to "x", with which it begins.

    By the second model alone, of which the law is .7 for abc, .2 for x and .1 for b.
    """
    first = steady([b"xabc", b"xb", b"x"], [0.3, 0.3, 0.4])
    second = steady([b"abc", b"x", b"b"], [0.7, 0.2, 0.1])
    text, ensemble = begun([first, second], PackLLM(how="uniform", missing=missing), b"xx")
    text.sampling = Sampling(1.0, seed=1)
    assert text.memory == 0
    weight = torch.tensor([0.3, 0.3, 0.4]).mul(torch.tensor(given)).sqrt()
    expected = (weight / weight.sum()).log().tolist()
    found = dict.fromkeys([b"xabc", b"xb", b"x"], 0.0)
    for seed in range(40):
        text.sampling = Sampling(1.0, seed=seed)
        ((added,),) = PackLLM(how="uniform", missing=missing)(ensemble, [text])
        found[added.written] = added.logprob
    assert [*found.values()] == pytest.approx(expected, abs=1e-4)


@settings(max_examples=30)
@given(SEEDS, WAYS, MISSING, st.sampled_from([0.0, 1.0]))
def test_a_model_that_weighs_everything_writes_what_it_writes_alone(
    seed: int, how: str, missing: str, temperature: float
) -> None:
    """Under the same draws; the other reads nothing, not even the prompt."""
    step = PackLLM(how=how, missing=missing)
    first, second = reader(seed, b"ab"), reader(seed + 1, b"cd")
    assert written([first, second], step, b"abcd", [1.0, 0.0], temperature) == written(
        [reader(seed, b"ab")], step, b"abcd", [1.0], temperature
    )
    assert second.work == Work() and second.heard_of == []


@settings(max_examples=30)
@given(SEEDS, WAYS, st.floats(0.1, 0.9))
def test_a_model_with_itself_writes_what_it_writes_alone(seed: int, how: str, weight: float) -> None:
    models = [reader(seed, b"ab"), reader(seed, b"ab")]
    assert written(models, PackLLM(how=how), b"abcd", [weight, 1 - weight]) == written(
        models[:1], PackLLM(how=how), b"abcd"
    )


@settings(max_examples=30)
@given(SEEDS, WAYS, MISSING, st.permutations([0, 1, 2]))
def test_the_order_of_models_does_not_matter(seed: int, how: str, missing: str, order: list[int]) -> None:
    models = [reader(seed, b"ab"), reader(seed + 1, b"cd", b"bcd"), reader(seed + 2)]
    step = PackLLM(how=how, missing=missing)
    text, _ = begun(models, step, b"abcdabcd")
    moved, _ = begun([models[at] for at in order], step, b"abcdabcd")
    assert moved.weights == pytest.approx([text.weights[at] for at in order], abs=1e-6)
    assert order[moved.memory] == text.memory
    assert written([models[at] for at in order], step, b"abcdabcd") == written(models, step, b"abcdabcd")


@settings(max_examples=30)
@given(SEEDS)
def test_a_model_that_knows_nothing_changes_no_greedy_token(seed: int) -> None:
    """Of a shared vocabulary; the weights of the others keep their ratio, and it is the reference of no prompt."""
    models = [reader(seed), reader(seed + 1)]
    flat = Reader(models[0].vocabulary.written, [5], lambda text: torch.zeros(6))
    text, _ = begun(models, PackLLM(), b"abcd")
    more, _ = begun([*models, flat], PackLLM(), b"abcd")
    assert more.weights[0] / more.weights[1] == pytest.approx(text.weights[0] / text.weights[1], rel=1e-4)
    assert written([*models, flat], PackLLM(), b"abcd") == written(models, PackLLM(), b"abcd")


@pytest.mark.parametrize("prompts", [[[0], [0]], [[4, 0, 1], [4, 2, 3]], [[4, 5, 4], [4, 4]]])
def test_a_prompt_that_tells_nothing_leaves_weights_as_they_are(prompts: list[list[int]]) -> None:
    """One token, bytes that have nothing in common, no bytes."""
    ensemble = Ensemble.of([reader(1), reader(2)])
    (text,) = ensemble.begin([prompts], [[0.3, 0.7]])
    PackLLM().begin(ensemble, [text])
    assert (text.weights, text.memory) == ([0.3, 0.7], 1)


def test_prompts_are_read_once() -> None:
    """To weigh the models; the first step then reads nothing more, and the second one token of each model."""
    models = [load_rows(check_frozen(name), "cpu", "float32") for name in ("pocket-owl", "pocket-wren")]
    ensemble, step = Ensemble.of(models), PackLLM(how="uniform")
    chat = [{"role": "user", "content": "What is 7 + 5?"}]
    prompts = [model.tokenizer.chat(chat) for model in models]
    (text,) = ensemble.begin([prompts])
    step.begin(ensemble, [text])
    for read in (0, 1):
        ((added,),) = step(ensemble, [text])
        text.written += added.written[:1]  # of a digit each
        work = [Work(1 + read, len(prompt) + read) for prompt in prompts]
        assert [model.work for model in models] == work


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"how": "best"}, "how is 'best'; known: sim, opt, top1, uniform"),
        ({"missing": "none"}, "missing is 'none'; known: nearest, prefix"),
        ({"temperature": 0.0}, "temperature 0.0, grid 0.05, most 256: above 0"),
        ({"grid": 1.5}, "grid 1.5"),
        ({"most": 1}, "most 1: .* 2 tokens or more"),
    ],
)
def test_what_cannot_be_is_refused(settings: dict[str, object], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        PackLLM(**settings)  # type: ignore[arg-type]
