"""Where drafts begin and end, what they cost, and that what was drawn is drawn once."""

import math
from collections.abc import Sequence
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anabranch.serving.fusion.during.draft import Chosen, Draft, Limit, draft
from anabranch.serving.fusion.during.ensemble import Ensemble, Text
from anabranch.upstreams.local.sampling import Sampling
from tests.serving.fusion.during.test_engine import scripted
from tests.serving.fusion.during.toys import TableModel, words

SEEDS = st.integers(0, 10_000)
BLANKS = b" \n"


def begun(model: TableModel, written: bytes = b"", sampling: Sampling | None = None) -> tuple[Ensemble, Text]:
    ensemble = Ensemble.of([model])
    (text,) = ensemble.begin([[[0]]], None, [sampling or Sampling()])
    text.written = written
    return ensemble, text


def one_draft(model: TableModel, limit: Limit, written: bytes = b"") -> Draft:
    ensemble, text = begun(model, written)
    (found,) = draft(ensemble, 0, [text], limit)
    return found


def law_of(model: TableModel, text: bytes) -> dict[int, float]:
    """Log-probabilities of ids that write or end, in plain numbers."""
    logits = model.law(text).tolist()
    ids = [token for token, one in enumerate(model.vocabulary.written) if one or token in model.vocabulary.ends]
    total = math.log(sum(math.exp(logits[token]) for token in ids))
    return {token: logits[token] - total for token in ids}


def greedy(model: TableModel, text: bytes, limit: Limit) -> tuple[list[bytes], bool, list[float]]:
    """Tokens that the model writes, whether it ends the text, and what it says of them, token by token."""
    tokens: list[bytes] = []
    said: list[float] = []
    while len(tokens) < limit.tokens:
        law = law_of(model, text + b"".join(tokens))
        best = max(law, key=lambda token: law[token])
        if best in model.vocabulary.ends:
            return tokens, True, [*said, law[best]]
        token = model.vocabulary.written[best] or b""
        pairs = pairwise([*tokens, token])
        starts = 1 + sum(one[0] in BLANKS and last[-1] not in BLANKS for last, one in pairs)
        if limit.words is not None and starts > limit.words:
            break
        tokens.append(token)
        said.append(law[best])
    return tokens, False, said


@given(SEEDS, st.integers(1, 9), st.sampled_from([None, 1, 2]), st.sampled_from([b"", b"ab", b"a "]))
def test_a_draft_is_what_the_model_writes_by_itself(seed: int, tokens: int, most: int | None, before: bytes) -> None:
    """Token by token, from scratch, in plain numbers."""
    model, limit = words(seed, b"ab "), Limit(tokens, most)
    found = one_draft(model, limit, before)
    written, ends, said = greedy(model, before, limit)
    assert (found.written, found.ends) == (b"".join(written), ends)
    assert [token.logprob for token in found.tokens] == pytest.approx(said, abs=1e-5)
    (end,) = model.vocabulary.ends
    at = [before + b"".join(written[:place]) for place in range(len(found.chosen))]
    assert [one.end for one in found.chosen] == pytest.approx([law_of(model, text)[end] for text in at], abs=1e-5)


@pytest.mark.parametrize(
    ("text", "limit", "written", "beyond"),
    [
        (b"one two three", Limit(99, 1), b"one", b" "),
        (b"one two three", Limit(99, 2), b"one two", b" "),
        (b"  one\n\n two", Limit(99, 1), b"  one", b"\n"),
        (b"one\n\n two.", Limit(99, 2), b"one\n\n two.", b""),
        (b"one two", Limit(2, 1), b"on", b""),
        (b"one", Limit(99, 1), b"one", b""),
        (b"", Limit(99, 1), b"", b""),
    ],
)
def test_words_end_before_the_blank_of_the_next(text: bytes, limit: Limit, written: bytes, beyond: bytes) -> None:
    found = one_draft(scripted(text), limit)
    assert (found.written, b"".join(one.token.written for one in found.beyond)) == (written, beyond)
    assert found.ends == (written == text)
    assert found.computed == len(found.chosen) + len(found.beyond)


def test_a_draft_begins_in_the_middle_of_a_word_if_the_text_is_there() -> None:
    assert one_draft(scripted(b"one two three"), Limit(99, 1), b"on").written == b"e"
    assert one_draft(scripted(b"one two three"), Limit(99, 1), b"one").written == b" two"


def test_a_character_is_not_broken_unless_it_is_all_there_is() -> None:
    """Of "aé" two bytes are "a" and half of the other; of the arrow's three bytes none is a character."""
    found = one_draft(scripted("aé".encode()), Limit(2))
    assert (found.written, found.beyond[0].token.written) == (b"a", b"\xc3")
    assert one_draft(scripted("a→".encode()), Limit(3)).written == b"a"
    assert one_draft(scripted("→".encode()), Limit(2)).written == b"\xe2\x86"
    assert one_draft(scripted("→b".encode()), Limit(2), b"\xe2").written == b"\x86\x92"
    assert one_draft(scripted(b"ab\xc3"), Limit(9)).written == b"ab\xc3", "the model wants it to end there"


def test_a_draft_stops_where_a_model_has_no_room() -> None:
    """For a prompt of 1 and a text of 4 bytes; what is too much at once is written, as there is nothing else."""
    long, short = scripted(b"abcdefgh"), scripted(b"abcdefgh")
    short.window = 5
    ensemble = Ensemble.of([long, short])
    (text,) = ensemble.begin([[[0]] * 2])
    for written, expected in ((b"", b"abcd"), (b"ab", b"cd"), (b"abc", b"d"), (b"abcd", b"e")):
        text.written = written
        (found,) = draft(ensemble, 0, [text], Limit(7))
        assert found.written == expected


def test_texts_are_drafted_together() -> None:
    """Of 3 + 1, 1 + 1 and 6 tokens: six forwards, 12 tokens."""
    model = TableModel(*_bytes(), lambda text: scripted(SCRIPTS[text[:1]]).law(text))
    ensemble = Ensemble.of([model])
    texts = ensemble.begin([[[0]]] * 3)
    for text, script in zip(texts, SCRIPTS, strict=True):
        text.written = script
    found = draft(ensemble, 0, texts, Limit(6, 1))
    assert [one.written for one in found] == [b"bcd", b"f", b"hijklm"]
    assert (model.work.forwards, model.work.tokens, [one.computed for one in found]) == (6, 12, [4, 2, 6])
    assert [text.written for text in texts] == [*SCRIPTS]


SCRIPTS = {b"a": b"abcd efg", b"e": b"ef g", b"g": b"ghijklmnop"}


def _bytes() -> tuple[Sequence[bytes | None], Sequence[int]]:
    return scripted(b"").vocabulary.written, [256]


@settings(max_examples=40)
@given(SEEDS, st.integers(1, 5), st.sampled_from([None, 1, 2]), st.sampled_from([0.0, 1.0]))
def test_drafts_one_after_the_other_are_one_draft(seed: int, tokens: int, most: int | None, heat: float) -> None:
    """Under the same draws, as what was drawn and is beyond a draft begins the next one; nothing is computed twice."""
    ensemble, text = begun(words(seed, b"ab "), sampling=Sampling(heat, seed=3))
    (whole,) = draft(ensemble, 0, [text], Limit(8))
    ensemble, text = begun(words(seed, b"ab "), sampling=Sampling(heat, seed=3))
    ahead: tuple[Chosen, ...] = ()
    computed = 0
    while len(text.written) < len(whole.written):
        (found,) = draft(ensemble, 0, [text], Limit(tokens, most), [ahead])
        text.written, ahead = text.written + found.written, found.beyond
        computed += found.computed
        if found.ends:
            break
    assert text.written[: len(whole.written)] == whole.written
    assert computed == ensemble.models[0].work.tokens
