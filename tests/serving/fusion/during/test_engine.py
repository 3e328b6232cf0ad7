"""When fused texts begin and end, what is given out of them, and that they do not touch each other."""

import math
from collections.abc import Sequence

import pytest
import torch
from torch import Tensor

from anabranch.serving.fusion.during.ensemble import Ensemble, Text
from anabranch.serving.fusion.during.gac import GaC
from anabranch.serving.fusion.during.me import ME
from anabranch.serving.fusion.during.packllm import PackLLM
from anabranch.serving.fusion.during.step import Step
from anabranch.upstreams.errors import Closed, Overloaded, RateLimited
from anabranch.upstreams.local.sampling import Sampling
from tests.serving.fusion.during.toys import TableModel, letters
from tests.serving.fusion.during.written import Desk, Written, order, write

BYTES = [*(bytes([byte]) for byte in range(256)), None]


def scripted(text: bytes) -> TableModel:
    """A model of bytes that writes a text and ends it."""

    def law(written: bytes) -> Tensor:
        logits = torch.zeros(257)
        logits[text[len(written)] if len(written) < len(text) else 256] = 20.0
        return logits

    return TableModel(BYTES, [256], law)


def written(text: bytes, max_tokens: int = 50, stops: tuple[str, ...] = ()) -> Written:
    (found,) = write([scripted(text)], GaC(), [order(1, max_tokens, stops=stops)])
    return found


def test_whole_characters_alone_are_given_out() -> None:
    found = written("né→".encode())
    assert [piece.text for piece in found.pieces if piece.text] == ["n", "é", "→"]
    assert found.finish_reason == "stop" and found.computed == 7, "six bytes and the end"


def test_what_never_became_a_character_is_shown_as_such() -> None:
    assert written("né".encode()[:-1]).text == "n\N{REPLACEMENT CHARACTER}"


def test_a_stop_string_ends_the_text_and_is_left_out() -> None:
    found = written(b"one\n\ntwo", stops=("\n\n",))
    assert (found.text, found.finish_reason, found.computed) == ("one", "stop", 5)


def test_what_may_become_a_stop_string_is_given_out_in_the_end() -> None:
    assert written(b"one\n", stops=("\n\n",)).text == "one\n"


def test_the_number_of_tokens_is_kept() -> None:
    found = written(b"abcdef", max_tokens=3)
    assert (found.text, found.finish_reason) == ("abc", "length")


@pytest.mark.parametrize("temperature", [0.0, 1.0])
@pytest.mark.parametrize("step", [GaC(), GaC(threshold=0.5), ME()])
def test_texts_together_are_what_each_is_alone(temperature: float, step: GaC | ME) -> None:
    """Of different lengths, weights and draws; two at once, so that others join later."""

    def texts(places: Sequence[int]) -> list[str]:
        desk = Desk([letters(1, b"ab"), letters(2, b"cd")], step, capacity=2)
        found = [
            desk.hand_in(
                order(
                    2, 3 + 2 * place, weights=[1, 1 + place], prompt=place, sampling=Sampling(temperature, seed=place)
                )
            )
            for place in places
        ]
        desk.finish()
        return [one.text for one in found]

    assert texts(range(5)) == [texts([place])[0] for place in range(5)]


def test_a_text_that_some_model_has_no_room_for_ends_and_the_others_go_on() -> None:
    """The second model writes bytes and reads 4 of them and a prompt: after "ab", "ab", "c" it could not read another.

    The first one would write more of it; a text of two bytes fits.
    """
    first = TableModel([b"ab", b"c", b"d", None], [3], lambda text: torch.tensor([1.0, 0.0, 0.0, -9.0]))
    short = TableModel(BYTES, [256], lambda text: torch.zeros(257))
    short.window = 5
    desk = Desk([first, short], GaC())
    long, brief = desk.hand_in(order(2, 9, weights=[999, 1])), desk.hand_in(order(2, 1, weights=[999, 1]))
    desk.finish()
    assert (long.text, long.finish_reason) == ("ababab", "length")
    assert (brief.text, brief.finish_reason) == ("ab", "length")


class Slow(TableModel):
    """Reads prompts as a model with a cache does."""

    def open(self, prompts: Sequence[Sequence[int]]) -> list[int]:
        rows = super().open(prompts)
        self.unread = dict(zip(rows, (len(prompt) - 1 for prompt in prompts), strict=True))
        return rows

    def advance(self, row: int, most: int) -> int:
        read = min(most, self.unread[row])
        self.unread[row] -= read
        return read


def test_a_long_prompt_is_read_in_parts_while_others_are_written() -> None:
    """A prompt of 10 ids, 3 at a time, is read in 3 turns and seen to be in a fourth; a text goes on meanwhile."""
    models = [Slow(BYTES, [256], scripted(b"abcdefgh").law), scripted(b"abcdefgh")]
    desk = Desk(models, GaC(), prefill_tokens=3)
    short = desk.hand_in(order(2, 9))
    desk.turn()
    long = desk.hand_in(order(2, 9, prompts=((0,) * 10, (0,))))
    after = desk.hand_in(order(2, 9))
    progress = []
    for _ in range(4):
        desk.turn()
        progress.append((short.so_far, long.so_far, after.so_far))
    assert progress == [("ab", "", ""), ("abc", "", ""), ("abcd", "", ""), ("abcde", "a", "")]
    desk.finish()
    assert [one.text for one in (short, long, after)] == ["abcdefgh"] * 3


def test_a_long_prompt_is_not_read_by_a_member_without_weight_whose_window_does_not_count() -> None:
    models = [Slow(BYTES, [256], scripted(b"abc").law) for _ in range(2)]
    models[1].window = 3
    desk = Desk(models, GaC(), prefill_tokens=3)
    found = desk.hand_in(order(2, 9, weights=[1, 0], prompts=((0,) * 10, (0,) * 10)))
    desk.finish()
    assert (found.text, found.finish_reason) == ("abc", "stop")
    assert (models[0].unread, models[1].unread, models[1].work.forwards) == ({0: 0}, {0: 9}, 0)


def test_prompts_that_one_turn_cannot_read_together_wait_their_turn() -> None:
    """Two prompts of 2 ids are 4 together, and a turn reads 3."""
    desk = Desk([scripted(b"abc")], GaC(), prefill_tokens=3)
    first, second = (desk.hand_in(order(1, 9, prompts=((0, 0),))) for _ in range(2))
    desk.turn()
    assert (first.so_far, second.so_far) == ("a", "")
    desk.turn()
    assert (first.so_far, second.so_far) == ("ab", "a")


def test_a_prompt_that_is_left_while_it_is_read_is_forgotten() -> None:
    model = Slow(BYTES, [256], scripted(b"abc").law)
    desk = Desk([model], GaC(), prefill_tokens=1)
    desk.hand_in(order(1, 9, prompts=((0,) * 5,)))
    desk.turn()
    assert model.unread == {0: 3}
    desk.completions[0].cancelled = True
    desk.turn()
    assert desk.engine.idle and model.dropped == [0]


def test_texts_that_are_left_are_written_no_further_and_forgotten() -> None:
    model = scripted(b"abcdef")
    desk = Desk([model], GaC())
    left, stays = desk.hand_in(order(1, 9)), desk.hand_in(order(1, 4))
    desk.turn()
    desk.completions[0].cancelled = True
    desk.finish()
    assert left.text == "a" and stays.text == "abcd"
    assert model.dropped == [0, 1]


def test_a_failure_ends_every_running_text_and_the_next_is_served() -> None:
    model = scripted(b"abc")
    desk = Desk([model], GaC())
    first = desk.hand_in(order(1, 9))
    desk.turn()
    works, model.law = model.law, lambda text: torch.zeros(0)  # of no use to anybody
    second = desk.hand_in(order(1, 9))
    desk.turn()
    assert all(isinstance(one.posted[-1], Overloaded) for one in (first, second)) and desk.engine.idle
    model.law = works
    third = desk.hand_in(order(1, 9))
    desk.finish()
    assert third.text == "abc" and model.dropped == [0, 1, 2]


class Unready(GaC):
    def begin(self, ensemble: Ensemble, texts: Sequence[Text]) -> None:
        raise RuntimeError("cannot")


def test_texts_that_cannot_begin_fail_alone_and_are_forgotten() -> None:
    model = scripted(b"abc")
    desk = Desk([model], Unready())
    found = desk.hand_in(order(1, 9))
    desk.finish()
    assert isinstance(found.posted[-1], Overloaded) and model.dropped == [0]


def test_a_server_that_fails_one_text_fails_it_alone() -> None:
    """The second text's prompt is the one that the member's server refuses; the error is the server's own."""

    class Refuses(TableModel):
        def next(self, rows: Sequence[int]) -> Tensor:
            if 1 in rows and self._texts[1]:
                raise RateLimited("server", "is busy")
            return super().next(rows)

    model = Refuses(BYTES, [256], scripted(b"abc").law)
    desk = Desk([model, scripted(b"abc")], GaC())
    first, second, third = (desk.hand_in(order(2, 9)) for _ in range(3))
    desk.finish()
    assert (first.text, third.text) == ("abc", "abc")
    assert isinstance(second.posted[-1], RateLimited) and model.dropped == [1, 0, 2]


def test_closing_ends_all() -> None:
    desk = Desk([scripted(b"abc")], GaC())
    found = desk.hand_in(order(1, 9))
    desk.turn()
    desk.engine.end_all(Closed("mix", "was closed"))
    assert isinstance(found.posted[-1], Closed) and desk.engine.idle


def test_log_probabilities_are_those_of_the_merge() -> None:
    """(3/4 + 1/4) / 2 for "a" by both models, and 1/2 of it is less than what is drawn at any temperature."""
    one = TableModel([b"a", b"b", None], [2], lambda text: torch.tensor([3.0, 1.0, 1e-9]).log())
    other = TableModel([b"a", b"b", None], [2], lambda text: torch.tensor([1.0, 3.0, 1e-9]).log())
    (found,) = write([one, other], GaC(), [order(2, 1, top=0, sampling=Sampling(0.5, seed=1))])
    (token,) = found.whole.tokens
    assert token.scored.logprob == pytest.approx(-0.6931, abs=1e-4)


@pytest.mark.parametrize("step", [GaC(), GaC(threshold=0.5), ME(), PackLLM(how="uniform")])
def test_alternatives_are_those_of_who_decided(step: Step) -> None:
    """Both models alike: 5/9, 3/9 and 1/9; the end has no text, and what cannot follow is not named."""
    models = [TableModel([b"a", b"b", None, None], [3], lambda text: torch.tensor([5.0, 3.0, 9.0, 1.0]).log())] * 2
    found = write(models, step, [order(2, 1, top=top) for top in (0, 2, 9)])
    (none,), (two,), (all_,) = (one.whole.tokens for one in found)
    expected = [(0, 5 / 9), (1, 3 / 9), (2, 1 / 9)]
    assert none.scored.top == () and len(two.scored.top) == 2
    for (symbol, logprob), (wanted, share) in zip(all_.scored.top, expected, strict=True):
        assert symbol == wanted and logprob == pytest.approx(math.log(share), abs=1e-5)


def test_what_is_all_but_impossible_can_be_drawn() -> None:
    """The second token has 1e-30 of the first's chance, which no rounding may make a log of zero."""
    model = TableModel([b"a", b"b", None], [2], lambda text: torch.tensor([0.0, -69.0, -80.0]))
    (found,) = write([model], GaC(), [order(1, 1, top=0, sampling=Sampling(1000.0, seed=5))])
    (token,) = found.whole.tokens
    assert found.text == "b" and token.scored.logprob == pytest.approx(-69.0, abs=1e-3)
