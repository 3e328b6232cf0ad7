"""The loop: when texts end, what is given out, and that texts do not touch each other."""

from collections.abc import Iterator, Sequence

import pytest
import torch
from torch import Tensor

from anabranch.serving.fusion.during.ensemble import Ensemble
from anabranch.serving.fusion.during.gac import GaC
from anabranch.serving.fusion.during.generate import Piece, Wanted, generate
from anabranch.upstreams.local.sampling import Sampling
from tests.serving.fusion.during.toys import TableModel, letters


def scripted(text: bytes) -> TableModel:
    """A model of bytes that writes a text and ends it."""

    def law(written: bytes) -> Tensor:
        logits = torch.zeros(257)
        logits[text[len(written)] if len(written) < len(text) else 256] = 20.0
        return logits

    return TableModel([*(bytes([byte]) for byte in range(256)), None], [256], law)


def pieces(text: bytes, **settings: object) -> list[Piece]:
    wanted = Wanted([[0]], [1], **{"max_steps": 50, **settings})  # type: ignore[arg-type]
    return list(generate(Ensemble.of([scripted(text)]), GaC(), [wanted]))


def test_whole_characters_alone_are_given_out() -> None:
    found = pieces("né→".encode())
    assert [piece.text for piece in found] == ["n", "", "é", "", "", "→", "", ""]
    assert found[-1].ends == "stop" and found[-1].added is None


def test_what_never_became_a_character_is_shown_as_such() -> None:
    assert "".join(piece.text for piece in pieces("né".encode()[:-1])) == "n\N{REPLACEMENT CHARACTER}"


def test_a_stop_string_ends_the_text_and_is_left_out() -> None:
    found = pieces(b"one\n\ntwo", stops=("\n\n",))
    assert "".join(piece.text for piece in found) == "one" and found[-1].ends == "stop"
    assert sum(piece.added is not None for piece in found) == 5


def test_what_may_become_a_stop_string_is_given_out_in_the_end() -> None:
    assert "".join(piece.text for piece in pieces(b"one\n", stops=("\n\n",))) == "one\n"


def test_the_number_of_steps_is_kept() -> None:
    found = pieces(b"abcdef", max_steps=3)
    assert "".join(piece.text for piece in found) == "abc" and found[-1].ends == "length"


def test_late_texts_end_where_they_are() -> None:
    clock = iter([False, False, True])
    wanted = [Wanted([[0]], [1], 9), Wanted([[0]], [1], 9)]
    found = list(generate(Ensemble.of([scripted(b"abcdef")]), GaC(), wanted, late=lambda: next(clock)))
    assert [piece.ends for piece in found] == [None] * 4 + ["deadline"] * 2
    assert "".join(piece.text for piece in found if piece.place == 1) == "ab"


@pytest.mark.parametrize("temperature", [0.0, 1.0])
def test_texts_together_are_what_each_is_alone(temperature: float) -> None:
    def wanted() -> list[Wanted]:
        return [
            Wanted([[place]] * 2, [1, 1 + place], 3 + 2 * place, Sampling(temperature, seed=place))
            for place in range(4)
        ]

    def texts(given: Sequence[Wanted]) -> list[str]:
        found = list(generate(Ensemble.of([letters(1, b"ab"), letters(2, b"cd")]), GaC(), given))
        return ["".join(piece.text for piece in found if piece.place == place) for place in range(len(given))]

    assert texts(wanted()) == [texts([one])[0] for one in wanted()]


def test_rows_are_dropped_however_it_ends() -> None:
    model = scripted(b"abcdef")
    dropped: list[int] = []
    model.drop = dropped.extend  # type: ignore[method-assign, assignment]
    running: Iterator[Piece] = generate(Ensemble.of([model]), GaC(), [Wanted([[0]], [1], 9)])
    next(running)
    running.close()  # type: ignore[attr-defined]
    assert dropped == [0]


@pytest.mark.parametrize("weights", [[1], [1, -1], [0, 0], [float("nan"), 1]])
def test_weights_that_cannot_be_are_refused(weights: list[float]) -> None:
    with pytest.raises(ValueError, match="2 models need as many weights"):
        next(generate(Ensemble.of([letters(1), letters(2)]), GaC(), [Wanted([[0]] * 2, weights, 3)]))
