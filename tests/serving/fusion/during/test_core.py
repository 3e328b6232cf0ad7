"""CoRE: what agrees counts more, and the main model for half or more."""

from collections.abc import Sequence

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from anabranch.serving.fusion.during.consistency import KINDS, Consistency
from anabranch.serving.fusion.during.core import CoRE
from anabranch.serving.fusion.during.ensemble import Ensemble
from anabranch.serving.fusion.during.table import Table
from anabranch.serving.fusion.during.top_k import TopK
from tests.serving.fusion.during.toys import TableModel, letters

SEEDS = st.integers(0, 10_000)
KIND = st.sampled_from([*KINDS])
STEP = st.builds(CoRE, align=st.sampled_from(["gac", "unite"]), kind=KIND, k=st.sampled_from([2, 10]))


def table(models: Sequence[TableModel], step: CoRE, weights: Sequence[float]) -> tuple[Ensemble, Table]:
    ensemble = Ensemble.of(models)
    texts = ensemble.begin([[[0]] * len(models)])
    step.begin(ensemble, texts)
    said = [ensemble.ask(place, texts) for place in range(len(models))]
    return ensemble, step._merge(said, ensemble.union, torch.tensor([weights]))


def shares(models: Sequence[TableModel], step: CoRE, weights: Sequence[float]) -> dict[bytes | None, float]:
    """What each symbol is given, the end under None."""
    ensemble, found = table(models, step, weights)
    given = (found.weight / found.weight.sum())[0].tolist()
    names = [None if symbol == ensemble.union.end else ensemble.union.texts[symbol] for symbol in found.symbol[0]]
    return {name: share for name, share in zip(names, given, strict=True) if share > 0}


def fixed(written: Sequence[bytes], chances: Sequence[float]) -> TableModel:
    """A model of some tokens and an end that never comes."""
    return TableModel([*written, None], [len(written)], lambda text: torch.tensor([*chances, 1e-30]).log())


def probabilities(seed: int, models: int) -> Tensor:
    return torch.rand(2, models, 5, generator=torch.Generator().manual_seed(seed)).pow(4).softmax(dim=2)


@pytest.mark.parametrize(
    ("kind", "score"), [("linear", 0.8), ("power", 0.8**5), ("rbf", (0.67032 - 0.135335) / 0.864665), ("rec", 0.0)]
)
def test_scores_fall_with_the_distance_from_the_mean(kind: str, score: float) -> None:
    """.9 and .1 against .5 and .5: the mean is .7 and .3, 0.2 from both; exp(-0.4) = .67032, exp(-2) = .135335.

    By `rec` the farthest of all is scored 0.
    """
    p = torch.tensor([[[0.9, 0.1], [0.5, 0.5]]])
    found = Consistency(kind).of_tokens(p, torch.tensor([0]), torch.ones(1, 2, dtype=torch.bool))
    torch.testing.assert_close(found, torch.full((1, 2, 2), score), atol=1e-5, rtol=0)


def test_a_token_that_neither_a_model_nor_the_main_one_would_write_has_no_score() -> None:
    """The second and the third model are compared with the first."""
    p = torch.tensor([[[1.0, 0.0, 0.0], [0.5, 0.5, 0.0], [0.0, 0.0, 1.0]]])
    found = Consistency("linear").of_tokens(p, torch.tensor([0]), torch.ones(1, 3, dtype=torch.bool))
    assert (found[0] > 0).tolist() == [[True, False, False], [True, True, False], [True, False, True]]


@settings(max_examples=50)
@given(SEEDS, KIND, st.integers(2, 4))
def test_the_main_model_has_half_or_more(seed: int, kind: str, models: int) -> None:
    p, how = probabilities(seed, models), Consistency(kind)
    alive = torch.ones(2, models, dtype=torch.bool)
    main = torch.tensor([seed % models, 0])
    weights = torch.rand(2, models, generator=torch.Generator().manual_seed(seed)) + 0.01
    share = how.of_models(how.of_tokens(p, main, alive), p, main, weights)
    torch.testing.assert_close(share.sum(dim=1), torch.ones(2))
    assert (share.gather(1, main[:, None]) >= 0.5 - 1e-6).all() and (share >= 0).all()


def test_no_model_is_surer_than_the_floor() -> None:
    """The second model is all but certain, its entropy 1e-8 of a nat: it counts as 1e-3, and so as half at the most."""
    p = torch.tensor([[[0.5, 0.5], [1 - 1e-10, 1e-10]]])
    main, ones = torch.tensor([0]), torch.ones(1, 2)
    found = Consistency(least_entropy=0.1).of_models(torch.ones_like(p), p, torch.tensor([1]), ones)
    assert found[0].tolist() == pytest.approx([1 / (1 + 0.6931 / 0.1), 1 / (1 + 0.1 / 0.6931)], abs=1e-4)
    assert Consistency().of_models(torch.ones_like(p), p, main, ones)[0].tolist() == pytest.approx([0.5, 0.5])


@settings(max_examples=40)
@given(SEEDS, STEP)
def test_a_model_of_no_weight_has_no_part_in_it(seed: int, step: CoRE) -> None:
    one, two, three = letters(seed, b"ab"), letters(seed + 1, b"cd"), letters(seed + 2, b"ad")
    expected = shares([one, three], step, [0.25, 0.75])
    assert shares([one, two, three], step, [0.25, 0.0, 0.75]) == pytest.approx(expected, abs=1e-6)


@settings(max_examples=40)
@given(SEEDS, STEP)
def test_a_main_model_that_is_alone_is_all(seed: int, step: CoRE) -> None:
    """Bit by bit what it says of its likeliest tokens."""
    first, second = letters(seed, b"ab"), letters(seed + 1, b"cd")
    ensemble, found = table([first, second], step, [1.0, 0.0])
    said = [ensemble.ask(place, ensemble.begin([[[0]] * 2])) for place in (0, 1)]
    expected = TopK.of(said, ensemble.union, torch.tensor([[1.0, 0.0]]), step.k, begun=step.align == "unite")
    assert torch.equal(found.symbol, expected.symbol) and torch.equal(found.weight, expected.probability[:, 0])


@settings(max_examples=40)
@given(SEEDS, STEP, st.permutations([0, 1, 2]))
def test_the_order_does_not_matter_if_the_main_model_is_told(seed: int, step: CoRE, order: list[int]) -> None:
    models = [letters(seed, b"ab"), letters(seed + 1, b"cd"), letters(seed + 2)]
    weights = [0.5, 0.2, 0.3]
    settings = {name: value for name, value in vars(step).items() if name != "main"}
    moved = CoRE(**settings, main=order.index(0))
    found = shares([models[at] for at in order], moved, [weights[at] for at in order])
    assert found == pytest.approx(shares(models, step, weights), abs=1e-5)


@settings(max_examples=40)
@given(SEEDS, KIND)
def test_both_alignments_are_one_where_the_vocabulary_is_shared(seed: int, kind: str) -> None:
    models = [letters(seed, b"ab"), letters(seed + 1, b"ab")]
    found = [shares(models, CoRE(align=align, kind=kind), [0.5, 0.5]) for align in ("gac", "unite")]
    assert found[0] == pytest.approx(found[1], abs=1e-6)


def test_weights_count_before_the_main_model_is_granted_its_half() -> None:
    """Of three equal laws each has a third, so the first gets a half; twice the weight makes it 1/2 of all by itself.

    With a weight of 4 to 1 and 1 it has 2/3.
    """
    p = torch.tensor([[0.7, 0.3]]).expand(3, 2)[None]
    how, main = Consistency(), torch.tensor([0])
    scores = how.of_tokens(p, main, torch.ones(1, 3, dtype=torch.bool))
    for weights, share in (((1.0, 1.0, 1.0), 1 / 2), ((2.0, 1.0, 1.0), 1 / 2), ((4.0, 1.0, 1.0), 2 / 3)):
        assert how.of_models(scores, p, main, torch.tensor([weights]))[0, 0].item() == pytest.approx(share)


def test_of_tokens_that_begin_with_one_another_the_main_models_is_written() -> None:
    """By itself the first would write "a", all together "ab", which begins with it: its law is taken."""
    first = fixed([b"a", b"ab", b"c"], [0.4, 0.35, 0.25])
    second = fixed([b"a", b"ab", b"c"], [0.05, 0.9, 0.05])
    third = fixed([b"a", b"ba", b"c"], [0.05, 0.9, 0.05])
    found = shares([first, second], CoRE(k=3), [0.5, 0.5])
    assert found == pytest.approx({b"a": 0.4, b"ab": 0.35, b"c": 0.25}, abs=1e-5)
    other = shares([fixed([b"a", b"ba", b"c"], [0.4, 0.35, 0.25]), third], CoRE(), [0.5, 0.5])
    assert max(other, key=other.__getitem__) == b"ba"


def test_the_main_models_end_ends_the_text_and_no_other_does_it_by_a_beginning() -> None:
    """The end is no text that all others begin with."""

    def model(chances: list[float]) -> TableModel:
        return TableModel([b"a", b"b", None], [2], lambda text: torch.tensor(chances).log())

    ends = shares([model([0.35, 0.25, 0.4]), model([0.9, 0.05, 0.05])], CoRE(), [0.5, 0.5])
    assert max(ends, key=ends.__getitem__) is None
    goes_on = shares([model([0.4, 0.25, 0.35]), model([0.05, 0.05, 0.9])], CoRE(), [0.5, 0.5])
    assert max(goes_on, key=goes_on.__getitem__) is None and goes_on[b"a"] < 0.4


def test_if_the_main_model_has_no_weight_the_first_that_has_is_it() -> None:
    models = [letters(3), letters(4), letters(5)]
    assert shares(models, CoRE(main=0), [0.0, 0.5, 0.5]) == pytest.approx(shares(models, CoRE(main=1), [0.0, 0.5, 0.5]))


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"align": "eva"}, "unknown alignment 'eva'; known: gac, unite"),
        ({"kind": "sig"}, "unknown kind of consistency 'sig'; known: linear, power, rbf, rec"),
        ({"k": 0}, "k 0, main 0: 1 token or more"),
        ({"main": -1}, "the place of a model, from 0 on"),
        ({"beta": 0.0}, "'beta': 0.0.*must be above 0"),
    ],
)
def test_what_cannot_be_is_refused(settings: dict[str, object], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        CoRE(**settings)  # type: ignore[arg-type]


def test_a_main_model_that_is_not_there_is_refused() -> None:
    with pytest.raises(ValueError, match="main 2: 2 models have the places 0 to 1"):
        CoRE(main=2).check(2)
