"""What holds for methods that write the best of several drafts, whatever the models; what they choose, from scratch."""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, tensor, zeros

from anabranch.serving.fusion.during.alone import alone
from anabranch.serving.fusion.during.cool_fusion import CoolFusion
from anabranch.serving.fusion.during.draft import Limit
from anabranch.serving.fusion.during.ensemble import Ensemble, Text
from anabranch.serving.fusion.during.spans import Per, mean_of_judges
from anabranch.serving.fusion.during.specfuse import SpecFuse, rewards
from anabranch.serving.fusion.during.step import Added, Step
from anabranch.serving.fusion.during.sweetspan import SweetSpan, without_outliers
from anabranch.upstreams.local.sampling import Sampling
from anabranch.upstreams.local.token_model import TokenModel
from tests.serving.fusion.during.test_draft import BLANKS, greedy, law_of
from tests.serving.fusion.during.test_engine import BYTES, scripted
from tests.serving.fusion.during.toys import TableModel, words
from tests.serving.fusion.during.written import Written, order, write

SEEDS = st.integers(0, 10_000)
STEPS: list[Step] = [CoolFusion(), SweetSpan(words=2), SpecFuse(tokens=4, rate=1.0)]
NAN = math.nan


@dataclass(frozen=True)
class Alone(Step):
    """The first model writes, by its own tokens."""

    def __call__(self, ensemble: Ensemble, texts: Sequence[Text]) -> list[tuple[Added, ...]]:
        return alone(ensemble, 0, ensemble.ask(0, texts), texts)


def several(seed: int, models: int = 2) -> list[TableModel]:
    """Of different tokens for the same bytes."""
    return [words(seed + place, *more) for place, more in enumerate([(b"ab ",), (b" b", b"aa"), ()][:models])]


def fused(
    models: Sequence[TokenModel],
    step: Step,
    weights: Sequence[float] = (),
    sampling: Sampling | None = None,
    tokens: int = 24,
    stops: tuple[str, ...] = (),
) -> Written:
    wanted = order(len(models), tokens, weights=weights, sampling=sampling, stops=stops, top=0)
    return write(models, step, [wanted])[0]


class Round(NamedTuple):
    text: Text
    before: bytes
    weights: list[float]
    added: tuple[Added, ...]


def rounds(models: Sequence[TokenModel], step: Step, weights: Sequence[float], most: int = 8) -> Iterator[Round]:
    """A text as it is written greedily, round by round; `before` and `weights` are those that the round began with."""
    ensemble = Ensemble.of(models)
    (text,) = ensemble.begin([[[0]] * len(models)], [weights])
    step.begin(ensemble, [text])
    for _ in range(most):
        before, shares = text.written, [*text.weights]
        (added,) = step(ensemble, [text])
        text.written += b"".join(one.written for one in added)
        yield Round(text, before, shares, added)
        if added[-1].ends:
            return


@settings(max_examples=25)
@given(SEEDS, st.sampled_from(STEPS), st.floats(0, 1))
def test_a_model_with_itself_writes_what_it_writes_alone(seed: int, step: Step, weight: float) -> None:
    model = [words(seed, b"ab ")]
    found = fused(model * 2, step, [weight, 1 - weight])
    assert found.text == fused(model, Alone()).text
    assert model[0].work.tokens >= found.computed


@settings(max_examples=40)
@given(SEEDS, st.sampled_from(STEPS), st.sampled_from([0.0, 1.0]))
def test_a_model_that_weighs_everything_writes_what_it_writes_alone(seed: int, step: Step, heat: float) -> None:
    """Under the same draws: a token that was drawn beyond a draft is the first of the next one."""
    models = several(seed)
    found = fused(models, step, [1, 0], Sampling(heat, seed=5))
    expected = fused([models[0]], Alone(), sampling=Sampling(heat, seed=5))
    assert found.text == expected.text
    assert [one.scored.logprob for one in found.whole.tokens] == [one.scored.logprob for one in expected.whole.tokens]
    assert models[1].work.forwards == 0


def score(model: TableModel, before: bytes, written: bytes, per: Per) -> float:
    """The mean log-probability of bytes, each of which is a token; of no bytes that of the end."""
    if not written:
        (end,) = model.vocabulary.ends
        return law_of(model, before)[end]
    ids = [model.vocabulary.ids[bytes([byte])] for byte in written]
    return sum(law_of(model, before + written[:at])[token] for at, token in enumerate(ids)) / len(written)


def drafts_of(step: Step, models: Sequence[TableModel], before: bytes) -> list[tuple[bytes, bool]]:
    """What each model would write, and whether that ends the text."""
    found = []
    for model in models:
        if isinstance(step, SpecFuse):
            tokens, ends, _ = greedy(model, before, Limit(step.tokens))
            cuts = [at for at in range(1, len(tokens)) if tokens[at][0] in BLANKS or tokens[at - 1][-1] in BLANKS]
            if not ends and tokens[-1][-1:].isalnum() and cuts and b"".join(tokens[: cuts[-1]]).strip():
                tokens = tokens[: cuts[-1]]
        else:
            assert isinstance(step, CoolFusion | SweetSpan)
            many = step.words if isinstance(step, SweetSpan) else 1
            tokens, ends, _ = greedy(model, before, Limit(step.tokens, many))
        found.append((b"".join(tokens), ends))
    return found


def badness(step: Step, table: list[list[float]], weights: Sequence[float]) -> list[float]:
    """Of each candidate, by the method's own rule in plain numbers; the table is judges by candidates."""
    found = []
    for column in range(len(table[0])):
        said = [row[column] for row in table]
        if isinstance(step, SweetSpan):
            perplexities = [math.exp(-one) for one in said]
            high, low = max(perplexities), min(perplexities)
            kept = [low < one < high for one in perplexities]
            if high / low > step.ratio:
                kept = kept if any(kept) else [one < high for one in perplexities]
            else:
                kept = [True] * len(said)
            share = [weight * one for weight, one in zip(weights, kept, strict=True)]
            found.append(sum(map(math.prod, zip(share, perplexities, strict=True))) / sum(share))
        elif isinstance(step, SpecFuse):
            parts = [math.exp(row[column]) / sum(map(math.exp, row)) for row in table]
            found.append(-sum(map(math.prod, zip(weights, parts, strict=True))))
        else:
            found.append(-sum(map(math.prod, zip(weights, said, strict=True))))
    return found


def hedged(
    weights: Sequence[float], table: list[list[float]], mine: Sequence[int], rate: float, time: int
) -> list[float]:
    """The weights after a round in which model i drafted candidate mine[i]."""
    count = len(weights)
    grown = []
    for one, weight in enumerate(weights):
        others = [other for other in range(count) if other != one]
        wins = sum(table[judge][mine[one]] >= table[judge][mine[rival]] for judge in others for rival in others)
        grown.append(weight * math.exp(rate * math.sqrt(1 / count) / time * max(wins, 1) / (count - 1) ** 2))
    return [one / sum(grown) for one in grown]


ORACLES: list[CoolFusion | SweetSpan | SpecFuse] = [
    CoolFusion(),
    CoolFusion(tokens=3, per="token"),
    SweetSpan(words=2),
    SweetSpan(words=3, ratio=2.0),
    SpecFuse(tokens=4),
    SpecFuse(tokens=6, rate=2.0, per="token"),
]


@settings(max_examples=60)
@given(SEEDS, st.sampled_from(ORACLES), st.sampled_from([(0.5, 0.5), (0.2, 0.8), (0.2, 0.3, 0.5), (0.4, 0.3, 0.3)]))
def test_what_is_chosen_is_what_plain_numbers_choose(
    seed: int, step: CoolFusion | SweetSpan | SpecFuse, weights: tuple[float, ...]
) -> None:
    """Drafts, scores, weights and choice are computed from scratch at each round."""
    models = several(seed, len(weights))
    for time, (text, before, shares, added) in enumerate(rounds(models, step, weights), 1):
        drafts = drafts_of(step, models, before)
        candidates = [*dict.fromkeys(drafts)]
        table = [[score(model, before, written, step.per) for written, _ in candidates] for model in models]
        expected = shares
        if isinstance(step, SpecFuse) and step.rate and len(candidates) > 1:
            expected = hedged(shares, table, [candidates.index(one) for one in drafts], step.rate, time)
        assert text.weights == pytest.approx(expected, abs=1e-6)
        bad = badness(step, table, expected)
        chosen = candidates.index((b"".join(one.written for one in added), added[-1].ends))
        assert bad[chosen] <= min(bad) + 1e-5
        assert all(one.by == (drafts.index(candidates[chosen]),) for one in added)


@settings(max_examples=40)
@given(SEEDS, st.sampled_from(STEPS))
def test_every_token_is_computed_once(seed: int, step: Step) -> None:
    """A round is a forward for each token that a model drafts, one at most to look ahead, and one to judge.

    What had been chosen beyond the last draft is not computed again. Where drafts agree there is nothing to judge.
    """
    models = several(seed)
    before = [(0, 0), (0, 0)]
    for _, begun, _, added in rounds(models, step, [0.5, 0.5]):
        drafts = drafts_of(step, models, begun)
        judged = len({*drafts}) > 1 and any(written for written, _ in drafts)
        limit = {CoolFusion: Limit(16, 1), SweetSpan: Limit(32, 2), SpecFuse: Limit(4)}[type(step)]
        work = [(model.work.forwards, model.work.tokens) for model in models]
        for model, (forwards, _), (earlier, _) in zip(models, work, before, strict=True):
            tokens, ends, _ = greedy(model, begun, limit)
            assert forwards - earlier - judged <= len(tokens) + 1
            assert forwards - earlier - judged >= len(tokens) + ends - 4 * bool(begun)
        read = sum(tokens for _, tokens in work) - sum(tokens for _, tokens in before)
        assert read <= sum(added[0].computed) <= read + 2, "each may have looked ahead to where another's draft ends"
        assert all(sum(one.computed) == 0 for one in added[1:])
        before = work


def test_forwards_of_a_round_by_hand() -> None:
    """Both write a word: "ab" in 2 tokens and a third that is seen to begin the next, and "abc" in 3 + 1.

    Each reads both drafts, 2 + 3 tokens, in one forward. The first model's draft wins. Then it has " " already, and
    writes " cd" with 2 forwards and the end with another; the other begins anew.
    """
    models = [scripted(b"ab cd"), scripted(b"abc d")]
    first, second = rounds(models, CoolFusion(), [0.9, 0.1])
    assert [one.written for one in first.added] == [b"a", b"b"] and sum(first.added[0].computed) == 3 + 4 + 2 * 5
    assert [one.written for one in second.added] == [b" ", b"c", b"d", b""]
    theirs = 2  # "c" and then a blank, after "ab"
    assert sum(second.added[0].computed) == 3 + theirs + 2 * (3 + 1)
    assert [model.work.forwards for model in models] == [3 + 1 + 3 + 1, 4 + 1 + theirs + 1]


@settings(max_examples=12)
@given(SEEDS, st.sampled_from(STEPS), st.sampled_from([0.0, 1.0]))
def test_texts_together_are_what_each_is_alone(seed: int, step: Step, heat: float) -> None:
    def texts(places: Sequence[int]) -> list[str]:
        wanted = [
            order(2, 5 + 4 * place, weights=[1, place], prompt=place, sampling=Sampling(heat, seed=place))
            for place in places
        ]
        return [one.text for one in write(several(seed), step, wanted)]

    assert texts(range(4)) == [texts([place])[0] for place in range(4)]


@settings(max_examples=30)
@given(SEEDS, st.sampled_from(STEPS), st.integers(1, 12), st.sampled_from(["b", "a ", "ba\n"]))
def test_stop_strings_and_the_number_of_tokens_are_kept(seed: int, step: Step, tokens: int, stop: str) -> None:
    """Within a round's tokens as well."""
    whole = fused(several(seed), step)
    short = fused(several(seed), step, tokens=tokens)
    assert short.text == "".join(one.text for one in whole.whole.tokens[:tokens])
    assert len(short.whole.tokens) == min(tokens, len(whole.whole.tokens))
    assert fused(several(seed), step, stops=(stop,)).text == whole.text.partition(stop)[0]


def _same(law: Tensor, text: bytes) -> Tensor:
    return law


def flat(size: int, **logits: float) -> Tensor:
    return tensor([logits.get(f"t{token}", -60.0) for token in range(size)])


def test_a_text_that_could_end_at_once_does_if_the_models_find_that_likelier() -> None:
    """The first gives the end .6 and "a" .4, the second .1 and .9; the mean logs are -1.41 and -.51.

    If the first weighs .95 they are -.60 and -.88. Nothing that was said is asked again: the end takes no forward.
    """
    ends = TableModel([b"a", None], [1], lambda text: tensor([0.4, 0.6]).log())
    goes = TableModel([b"a", None], [1], lambda text: tensor([0.9, 0.1]).log())
    for step in (CoolFusion(tokens=1), SweetSpan(tokens=1)):
        (first,) = rounds([ends, goes], step, [0.5, 0.5], most=1)
        assert [one.written for one in first.added] == [b"a"]
        (first,) = rounds([ends, goes], step, [0.95, 0.05], most=1)
        (end,) = first.added
        assert end.logprob == pytest.approx(math.log(0.6))
        assert end == Added(1, b"", True, (0,), end.logprob, (1 + 1, 1 + 1))


def test_a_model_without_tokens_for_a_draft_has_no_say_on_it() -> None:
    """It would have written something else, and weighs nearly everything; of its own draft the other thinks nothing."""

    class Latin(TableModel):
        def score(self, rows: Sequence[int], texts: Sequence[Sequence[bytes]]) -> list[list[Tensor]]:
            known = [[text for text in more if text.isascii()] for more in texts]
            said = [dict(zip(*each, strict=True)) for each in zip(known, super().score(rows, known), strict=True)]
            return [[of.get(text, zeros(0)) for text in more] for of, more in zip(said, texts, strict=True)]

    latin = Latin([b"a", None], [1], lambda text: tensor([0.5, 0.5 - 1e-9]).log())
    other = TableModel(BYTES, [256], scripted("é".encode()).law)
    (first,) = rounds([latin, other], CoolFusion(tokens=2), [0.9, 0.1], most=1)
    assert b"".join(one.written for one in first.added) == "é".encode()


def test_the_outliers_of_perplexities() -> None:
    """A column without any; one of which 1 and 90 go; two judges, of which the higher goes; one without a say."""
    table = tensor([[2.0, 1.0, 2.0, NAN], [4.0, 3.0, 80.0, 7.0], [6.0, 90.0, NAN, 9.0]])
    kept = without_outliers(table, 10.0)
    expected = [[2.0, NAN, 2.0, NAN], [4.0, 3.0, NAN, 7.0], [6.0, NAN, NAN, 9.0]]
    assert kept.tolist() == [pytest.approx(row, nan_ok=True) for row in expected]
    assert mean_of_judges(kept.double(), [1 / 3] * 3).tolist() == pytest.approx([4.0, 3.0, 2.0, 8.0])
    assert without_outliers(tensor([[1.0], [math.inf], [2.0]]), 10.0).tolist() == [
        pytest.approx([one], nan_ok=True) for one in (NAN, NAN, 2.0)
    ]


def test_a_judge_that_is_far_off_counts_with_sweetspan_and_not_with_its_filter() -> None:
    """ "a" is likely to the first two, all but impossible to the third, which writes "b"; the filter leaves it out."""
    laws = [tensor([0.6, 0.4, 1e-9]).log(), tensor([0.6, 0.4, 1e-9]).log(), tensor([1e-3, 1.0, 1e-9]).log()]
    models = [TableModel([b"a", b"b", None], [2], partial(_same, law)) for law in laws]
    for ratio, expected in ((10.0, b"a"), (1e9, b"b")):
        (first,) = rounds(models, SweetSpan(tokens=1, ratio=ratio), [1 / 3] * 3, most=1)
        assert first.added[0].written == expected


def test_rewards_and_weights_by_hand() -> None:
    """Of three models; the last two drafted the same, which is no worse than itself.

    The first: judged by the others, -3 against -1 twice each loses 4 times, and that counts as 1 of 4. The second:
    the first judge prefers its own, -1 against -2, and finds it no worse than the third's; the third judge finds it
    better than the first's and no worse than its own: 3 of 4. So does the third.
    """
    table = tensor([[-1.0, -2.0], [-3.0, -1.0], [-3.0, -1.0]])
    assert rewards(table, {0: 0, 1: 1, 2: 1}) == {0: 0.25, 1: 0.75, 2: 0.75}


def settled(written: bytes, other: bytes) -> TableModel:
    """Writes one token again and again, gives the other a little, and never ends."""
    size = len(BYTES)
    return TableModel(BYTES, [256], lambda text: flat(size, **{f"t{written[0]}": 4.0, f"t{other[0]}": 0.0}))


@pytest.mark.parametrize("rate", [0.0, 1.0])
def test_a_model_whose_drafts_are_worth_little_is_not_asked_again(rate: float) -> None:
    """Two want "a" and one "b": 0.96 + 0.96 + 0.04 of the votes against the rest, and more so each round."""
    models = [settled(b"a", b"b"), settled(b"a", b"b"), settled(b"b", b"a")]
    step = SpecFuse(tokens=2, exit_below=0.1, rate=rate)
    found = [*rounds(models, step, [1 / 3] * 3, most=12)]
    assert all(one.added[0].written == b"a" for one in found)
    assert found[-1].weights == pytest.approx([0.5, 0.5, 0.0])
    gone = next(at for at, one in enumerate(found) if one.weights[2] == 0)
    assert 1 <= gone <= 6 and models[2].work.forwards <= 3 * gone
    assert sum(found[gone].added[0].computed) == 4, "two models agree on two tokens"


def test_weights_rise_with_rounds_that_are_won() -> None:
    """Two write the same: the third's judgement counts against them, theirs for them: rewards of 3/4 and of 1/4.

    Each of the two is no worse than the other by either judge, and better than the third by one of them. The third wins
    nothing, which counts as one of four. With rate 3 weights are in the ratio of exp(3 / sqrt 3 * 1/2), 2.377.
    """
    models = [settled(b"a", b"b"), settled(b"a", b"c"), settled(b"b", b"a")]
    (first,) = rounds(models, SpecFuse(tokens=1, rate=3.0), [1 / 3] * 3, most=1)
    weights = first.text.weights
    assert weights == pytest.approx([2.3774 / 5.7549, 2.3774 / 5.7549, 1 / 5.7549], abs=1e-4)


def test_the_first_end_wins_if_that_is_wanted() -> None:
    """The second writes "ab" and ends, within the five tokens that the first would go on for, and weighs little."""
    models = [scripted(b"xyxyxyxyxyxy"), scripted(b"ab")]
    assert fused(models, SpecFuse(tokens=5, first_end_wins=True), [0.9, 0.1]).text == "ab"
    assert [model.work.forwards for model in models] == [5, 3]
    assert fused(models, SpecFuse(tokens=5), [0.9, 0.1]).text == "xyxyxyxyxyxy"


def test_a_text_that_a_model_has_no_room_for_is_written_as_far_as_there_is_some() -> None:
    """The second reads 6 bytes and a prompt; it is not asked of drafts that it could not read, and nothing fails."""

    class Narrow(TableModel):
        def score(self, rows: Sequence[int], texts: Sequence[Sequence[bytes]]) -> list[list[Tensor]]:
            for row, more in zip(rows, texts, strict=True):
                assert 1 + len(self.ids(row)) + max(map(len, more)) <= 7
            return super().score(rows, texts)

    for step in STEPS:
        models = [scripted(b"aaaabbbbcccc"), Narrow(BYTES, [256], scripted(b"aaaabbcdcccc").law)]
        models[1].window = 7
        found = fused(models, step, [0.6, 0.4])
        assert (found.text, found.finish_reason) == ("aaaabbb", "length")


@pytest.mark.parametrize(
    ("kind", "wrong"),
    [
        *[(kind, {"per": "word"}) for kind in (CoolFusion, SweetSpan, SpecFuse)],
        *[(kind, {"tokens": 0}) for kind in (CoolFusion, SweetSpan, SpecFuse)],
        *[(SweetSpan, one) for one in ({"words": 0}, {"ratio": 0.5}, {"ratio": NAN})],
        *[(SpecFuse, one) for one in ({"rate": -1.0}, {"rate": math.inf}, {"exit_below": 1.0})],
    ],
)
def test_settings_that_cannot_be_are_told(kind: Callable[..., Step], wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"per is 'word'|1 word|1 or more|1 token"):
        kind(**wrong)
