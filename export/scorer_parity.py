"""Whether a scorer's graph says what the scorer says."""

from itertools import product

import numpy as np

from anabranch.export.parity import PROBES, TOLERANCE, ParityError
from anabranch.routers.deferral.answered import Answered
from anabranch.routers.deferral.scorer import Score
from anabranch.routers.scorers.reading import Reading


def check_scorer_parity(reference: Score, graph: Score, reading: Reading) -> None:
    """Compare both on odd answers to odd prompts, alone and in a batch; signals are known of every other answer.

    Args:
        reference: the scores to trust, from torch.
        graph: the scores to check, from ONNX.
        reading: of both.

    Raises:
        ParityError: a score differs by more than `TOLERANCE`, or is not finite.
    """
    answers = probes(reading)
    expected = np.concatenate([reference([one]) for one in answers])
    alone = np.concatenate([graph([one]) for one in answers])
    for where, found in (
        ("ONNX alone", alone),
        ("ONNX in a batch", graph(answers)),
        ("torch in a batch", reference(answers)),
    ):
        agrees = np.abs(found - expected) <= TOLERANCE  # False for NaN
        if not agrees.all():
            row = int(np.argmin(agrees))
            raise ParityError(
                f"the score of answer {row} is {expected[row]:.6g} in torch alone and {found[row]:.6g} in {where}; "
                f"they may differ by {TOLERANCE:.2g}. Nothing was written: choose another encoder"
            )


def probes(reading: Reading) -> list[Answered]:
    """Answers that are empty, short, of other scripts or far too long, to prompts alike, by every model in turn."""
    pairs = list(product(PROBES[:1] + PROBES[3:4] + PROBES[-1:], PROBES)) + [(PROBES[5], PROBES[6])]
    known: dict[str, float] = {name: -0.25 * (place + 1) for place, name in enumerate(reading.signals)}
    return [
        Answered(row % reading.models, prompt, answer, known if row % 2 else {})
        for row, (prompt, answer) in enumerate(pairs)
    ]
