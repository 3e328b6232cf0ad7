"""Rows that go back and on say what the model says of the same ids read afresh, and read nothing twice."""

import random
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
import torch
from torch import Tensor
from transformers import (
    BloomConfig,
    BloomForCausalLM,
    FalconConfig,
    FalconForCausalLM,
    PreTrainedModel,
    PreTrainedTokenizerFast,
)

from anabranch.upstreams.local.canonical import common_length
from anabranch.upstreams.local.forward import Forward
from anabranch.upstreams.local.live_rows import LiveRows
from anabranch.upstreams.local.loading import load_rows
from anabranch.upstreams.local.read_token_bytes import token_bytes
from anabranch.upstreams.local.token_model import TokenModel, Work
from tests.upstreams.local import tiny
from tests.upstreams.local.live import PROMPT, STRINGS, afresh, close, done, made


def test_it_is_a_token_model(rows: LiveRows) -> None:
    model: TokenModel = rows
    assert model.work == Work()


@pytest.mark.parametrize("seed", range(3))
def test_a_walk_over_rows_says_what_a_fresh_model_says(pocket: LiveRows, seed: int) -> None:
    """Each step writes, takes back, asks, scores, forks, or drops; rows asked together differ in everything."""
    walk = random.Random(seed)
    live: dict[int, tuple[list[int], bytes]] = {}
    for _ in range(50):
        action = walk.choice(["open", "fork", "drop", "score", *["write"] * 8, *["next"] * 6])
        row = walk.choice([*live]) if live else None
        if action == "open" or row is None:
            prompts = [[walk.randrange(1, 200) for _ in range(walk.randint(1, 9))] for _ in range(walk.randint(1, 3))]
            live |= {new: (prompt, b"") for new, prompt in zip(pocket.open(prompts), prompts, strict=True)}
            continue
        prompt, text = live[row]
        if action == "fork" and len(live) < 6:
            live[pocket.fork(row)] = live[row]
        elif action == "drop":
            gone = walk.sample([*live], walk.randint(1, len(live)) if walk.random() < 0.2 else 1)
            pocket.drop(gone)
            live = {row: state for row, state in live.items() if row not in gone}
        elif action == "write":
            kept = text[: walk.randint(0, len(text))] if walk.random() < 0.4 else text
            text = kept + "".join(walk.choices(STRINGS, k=walk.randint(0, 3))).encode()
            text = text[:-1] if walk.random() < 0.1 else text
            pocket.write(row, text)
            live[row] = prompt, text
        elif action == "score":
            texts = ["".join(walk.choices(STRINGS, k=walk.randint(0, 3))).encode() for _ in range(3)]
            check_scores(pocket, row, prompt, text, texts)
            if walk.random() < 0.7:
                live[row] = prompt, text + texts[1]
                pocket.write(row, text + texts[1])
        else:
            asked = walk.choices([*live], k=walk.randint(1, 4))
            said = pocket.next(asked)
            assert said.shape == (len(asked), len(pocket.vocabulary)) and said.dtype == torch.float32
            for each, row in zip(said, asked, strict=True):
                assert close(each, afresh(pocket, [*live[row][0], *pocket.ids(row)])[-1])
    pocket.drop([*live])


def check_scores(model: LiveRows, row: int, prompt: list[int], text: bytes, texts: Sequence[bytes]) -> None:
    before = model.ids(row)
    scored = model.score([row], [texts])[0]
    assert model.ids(row) == before
    for one, more in zip(scored, texts, strict=True):
        model.write(row, text + more)
        ids = [*prompt, *model.ids(row)]
        first = len(prompt) + common_length(before, model.ids(row))
        expected = afresh(model, ids)[first - 1 : -1].gather(1, torch.tensor(ids[first:])[:, None])[:, 0]
        assert close(one, expected)
        model.write(row, text)


def test_the_ids_are_those_of_the_tokenizer(pocket: LiveRows) -> None:
    (row,) = pocket.open([PROMPT])
    pocket.write(row, b"they say")
    pocket.write(row, b"they'll say it")
    tokenizer = pocket.tokenizer
    assert pocket.ids(row) == tokenizer.read("they'll say it")[0]
    assert tokenizer.decode(pocket.ids(row)) == "they'll say it"
    pocket.drop([row])


def test_ids_that_write_nothing_have_no_chance(rows: LiveRows) -> None:
    """Of 264 ids 256 are bytes, 256 ends, and 7 are unknown."""
    said = rows.next(rows.open([PROMPT]))[0]
    assert said[257:].tolist() == [-torch.inf] * 7
    assert torch.isfinite(said[:257]).all() and said.exp().sum() == pytest.approx(1.0, abs=1e-5)


def test_steps_read_one_id_each_and_asking_again_none(rows: LiveRows) -> None:
    (row,) = rows.open([PROMPT])
    assert done(rows, lambda: rows.next([row])) == Work(1, 5)
    for step in range(1, 11):
        rows.write(row, b"abcdefghij"[:step])
        assert done(rows, lambda: rows.next([row, row])) == Work(1, 1)
        assert done(rows, lambda: rows.next([row])) == Work(0, 0)


def test_nothing_is_read_before_it_is_asked(rows: LiveRows) -> None:
    def write() -> None:
        (row,) = rows.open([PROMPT])
        rows.write(row, b"abc")
        rows.fork(row)

    assert done(rows, write) == Work(0, 0)


def test_what_is_pending_is_read_at_once_with_that_of_others(rows: LiveRows) -> None:
    """Prompts of 5 and 2 ids; then 7 ids, 1 and none: one forward of the first two, for 8 ids."""
    a, b, c = rows.open([PROMPT, [1, 2], [3]])
    assert done(rows, lambda: rows.next([c, a, b])) == Work(1, 8)
    rows.write(a, b"abcdefg")
    rows.write(b, b"x")
    assert done(rows, lambda: rows.next([a, b, c])) == Work(1, 8)


def test_a_row_that_is_not_asked_catches_up_later(rows: LiveRows) -> None:
    a, b = rows.open([PROMPT, PROMPT])
    rows.next([a, b])
    for step in range(1, 6):
        rows.write(a, b"abcde"[:step])
        rows.write(b, b"abcde"[:step])
        assert done(rows, lambda: rows.next([a])) == Work(1, 1)
    assert done(rows, lambda: rows.next([b])) == Work(1, 5)
    assert close(*rows.next([a, b]))


def test_going_back_reads_what_is_new_alone(rows: LiveRows) -> None:
    (row,) = rows.open([PROMPT])
    rows.write(row, b"abcdef")
    rows.next([row])
    rows.write(row, b"abcXY")
    assert done(rows, lambda: rows.next([row])) == Work(1, 2)
    assert close(rows.next([row])[0], afresh(rows, [*PROMPT, *rows.ids(row)])[-1])


def test_going_back_to_what_is_kept_reads_nothing(rows: LiveRows) -> None:
    """Of steps to lengths 1 to 12 those to 5 to 12 are kept: 5 costs nothing, 4 its last id."""
    (row,) = rows.open([PROMPT])
    for step in range(1, 13):
        rows.write(row, b"abcdefghijkl"[:step])
        rows.next([row])
    rows.write(row, b"abcde")
    assert done(rows, lambda: rows.next([row])) == Work(0, 0)
    rows.write(row, b"abcd")
    assert done(rows, lambda: rows.next([row])) == Work(1, 1)
    assert close(rows.next([row])[0], afresh(rows, [*PROMPT, *rows.ids(row)])[-1])


def test_a_prompt_is_read_in_parts_ahead_of_what_is_asked(rows: LiveRows) -> None:
    """Of 5 ids all but the last: 3 and 1; then there is nothing more to read ahead, and 1 to be asked."""
    (row,) = rows.open([PROMPT])
    parts: list[int] = []
    works = [done(rows, lambda: parts.append(rows.advance(row, 3))) for _ in range(3)]
    assert (parts, works) == ([3, 1, 0], [Work(1, 3), Work(1, 1), Work(0, 0)])
    assert done(rows, lambda: rows.next([row])) == Work(1, 1)
    assert close(rows.next([row])[0], afresh(rows, PROMPT)[-1])


@pytest.mark.parametrize("most", [1, 3, 5, 99])
def test_what_is_heard_of_a_prompt_is_what_follows_its_last_ids(rows: LiveRows, most: int) -> None:
    (row,) = rows.open([PROMPT])
    heard: list[Tensor] = []
    assert done(rows, lambda: heard.append(rows.heard(row, most))) == Work(1, 5)
    assert close(heard[0], afresh(rows, PROMPT)[-most:])
    assert done(rows, lambda: rows.next([row])) == Work(0, 0)
    assert close(rows.next([row])[0], afresh(rows, PROMPT)[-1])


def test_what_is_heard_late_reads_the_end_of_the_prompt_again(rows: LiveRows) -> None:
    """Three ids of the prompt and the three that were written since."""
    (row,) = rows.open([PROMPT])
    rows.write(row, b"abc")
    rows.next([row])
    heard: list[Tensor] = []
    assert done(rows, lambda: heard.append(rows.heard(row, 3))) == Work(1, 6)
    assert close(heard[0], afresh(rows, PROMPT)[-3:])
    assert close(rows.next([row])[0], afresh(rows, [*PROMPT, *rows.ids(row)])[-1])


def test_what_was_taken_back_and_written_again_is_not_read_again(rows: LiveRows) -> None:
    (row,) = rows.open([PROMPT])
    rows.write(row, b"abc")
    rows.next([row])
    rows.write(row, b"xyz")
    rows.write(row, b"abcd")
    assert done(rows, lambda: rows.next([row])) == Work(1, 1)


def test_other_ids_of_a_length_that_is_kept_are_read(rows: LiveRows) -> None:
    (row,) = rows.open([PROMPT])
    rows.write(row, b"abc")
    rows.next([row])
    rows.write(row, b"abd")
    assert done(rows, lambda: rows.next([row])) == Work(1, 1)


def test_what_was_kept_of_ids_that_were_written_over_is_not_said_of_others(rows: LiveRows) -> None:
    """Steps keep lengths 6 to 8; then "XYZ" is read at once, so that nothing is known after its first letters."""
    (row,) = rows.open([PROMPT])
    for text in (b"a", b"ab", b"abc", b"XYZ"):
        rows.write(row, text)
        rows.next([row])
    rows.write(row, b"XY")
    assert close(rows.next([row])[0], afresh(rows, [*PROMPT, *rows.ids(row)])[-1])


def test_rows_that_leave_take_their_memory_along(rows: LiveRows) -> None:
    first = rows.open([PROMPT] * 3)
    rows.next(first)
    rows.drop(first)
    assert rows._cache.rows == 0 and not rows._cache.placed_layers[0].is_initialized
    (again,) = rows.open([PROMPT])
    assert again not in first


def test_what_is_said_can_be_learnt_from(rows: LiveRows) -> None:
    weight = torch.ones(1, requires_grad=True)
    loss = (weight * rows.next(rows.open([PROMPT]))[0, :9]).sum()
    assert torch.autograd.grad(loss, weight)[0].item() == pytest.approx(loss.item())


@pytest.mark.parametrize("build", [tiny.llama, tiny.qwen2, tiny.gpt2])
def test_attention_without_kernels(build: Callable[[], PreTrainedModel]) -> None:
    """Its masks are added to scores; rows of different lengths, asked in turn and together."""
    model = tiny.made(build)
    model.set_attn_implementation("eager")
    rows = made(model)
    asked = rows.open([[1, 2, 3, 4], [5], [6, 7]])
    rows.next(asked[::2])
    rows.write(asked[0], b"abc")
    check_scores(rows, asked[2], [6, 7], b"", [b"one", b"three"])
    for row, said, prompt in zip(asked, rows.next(asked), ([1, 2, 3, 4], [5], [6, 7]), strict=True):
        assert close(said, afresh(rows, [*prompt, *rows.ids(row)])[-1])


def test_half_precision(llama: PreTrainedModel, folder: Path) -> None:
    rows = load_rows(folder, "cpu", "bfloat16")
    said = rows.next(rows.open([PROMPT, [1]]))
    assert said.dtype == torch.float32
    assert (said[0, :256] - afresh(rows, PROMPT)[-1, :256]).abs().max() < 0.3


def test_a_text_beyond_the_window_is_refused(rows: LiveRows) -> None:
    (row,) = rows.open([PROMPT])
    rows.write(row, b"a" * 252)
    with pytest.raises(ValueError, match="a text of 257 tokens, its prompt included: the model reads at most 256"):
        rows.next([row])
    with pytest.raises(ValueError, match="of 258 tokens"):
        rows.score([row], [[b"a"]])[0]
    rows.write(row, b"a" * 251)
    assert rows.next([row]).shape == (1, 264)


def test_a_sliding_window_is_refused() -> None:
    with pytest.raises(ValueError, match="MistralForCausalLM cannot go back in a text: it keeps DynamicSlidingWindow"):
        made(tiny.made(tiny.sliding))


def test_positions_that_are_not_its_own_to_set_are_refused() -> None:
    config = BloomConfig(vocab_size=tiny.VOCABULARY, hidden_size=32, n_layer=1, n_head=2)
    with pytest.raises(ValueError, match="BloomForCausalLM cannot go back in a text: it takes no positions"):
        made(tiny.made(lambda: BloomForCausalLM(config)))


def test_positions_that_are_taken_and_not_used_are_refused() -> None:
    config = FalconConfig(
        vocab_size=tiny.VOCABULARY, hidden_size=32, num_hidden_layers=2, num_attention_heads=2, alibi=True
    )
    with pytest.raises(ValueError, match="FalconForCausalLM cannot go back in a text: it"):
        made(tiny.made(lambda: FalconForCausalLM(config)))


def test_a_vocabulary_of_another_width_is_refused(llama: PreTrainedModel) -> None:
    tokenizer = tiny.byte_tokenizer()
    with pytest.raises(ValueError, match="a vocabulary of 300 ids for a model with 264 logits"):
        LiveRows(Forward(llama), tokenizer, token_bytes(tokenizer, 300, frozenset()))


def test_a_folder_that_holds_no_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="cannot be loaded"):
        load_rows(tmp_path, "cpu", "float32")


def test_ends_are_those_of_the_model_and_of_the_tokenizer(pocket: LiveRows) -> None:
    tokenizer: PreTrainedTokenizerFast = pocket.tokenizer._tokenizer  # type: ignore[assignment]
    assert pocket.vocabulary.ends == {tokenizer.eos_token_id}
