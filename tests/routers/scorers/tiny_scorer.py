"""A small scorer whose weights are drawn, so that every input matters."""

import torch

from anabranch.routers.deferral.answered import Answered
from anabranch.routers.encoders.hashing import HashingEncoder
from anabranch.routers.scorers.answer_scorer import AnswerScorer, ScorerSettings
from anabranch.routers.scorers.reading import Part, Reading

OPTIONS = {"width": 16, "max_tokens": 64}


def tiny_scorer(parts: tuple[Part, ...] = ("joint", "answer"), signals: tuple[str, ...] = ("sure",)) -> AnswerScorer:
    """Of three models."""
    encoder = HashingEncoder(width=16, max_tokens=64)
    settings = ScorerSettings(
        reading=Reading(models=3, parts=parts, signals=signals),
        encoder="hashing",
        encoder_options=OPTIONS,
        encoder_fingerprint=encoder.fingerprint,
        width=16,
        hidden=8,
    )
    network = settings.network()
    draw = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for weight in network.parameters():
            weight.copy_(torch.randn(weight.shape, generator=draw))
    return AnswerScorer(settings, encoder.eval(), network.eval())


ANSWERS = [
    Answered(0, "How many lakes?", "12", {"sure": -0.5}),
    Answered(2, "How many lakes?", "12", {}),
    Answered(1, "", "", {"sure": float("inf"), "other": 1.0}),
    Answered(0, "What is \ud800?" * 300, "It is \u4f60\u597d.\n" * 500, {"sure": float("nan")}),
]
