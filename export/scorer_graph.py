"""Encoder and network of an answer scorer to one ONNX graph of the scorer signature."""

import onnx
import torch
from onnx import TensorProto, compose, helper
from torch import Tensor, nn

from anabranch.export.graph import LINK, check_size, export_encoder, export_module
from anabranch.export.scorer import SCORER_META, TOKENIZER_META, ScorerMeta
from anabranch.export.signature import FACTS, MODEL, PLACE, SCORE
from anabranch.routers.scorers.answer_network import AnswerNetwork
from anabranch.routers.scorers.answer_scorer import AnswerScorer

_TEXTS, _ANSWERS = "texts", "answers"


class _Head(nn.Module):
    """The network on the embeddings of distinct texts."""

    def __init__(self, network: AnswerNetwork) -> None:
        super().__init__()
        self.network = network

    def forward(self, embedding: Tensor, place: Tensor, facts: Tensor, model: Tensor) -> Tensor:
        """Chances (B,); embedding (T, D), place (B, K), facts (B, F), model (B,)."""
        odds: Tensor = self.network(embedding[place], facts, model)
        return odds.sigmoid()


def scorer_graph(scorer: AnswerScorer) -> onnx.ModelProto:
    """The graph, with the tokenizer and how answers are read as its metadata.

    Raises:
        ValueError: the encoder has no ONNX form, or is too large for one file.
    """
    check_size(scorer.encoder, scorer.network)
    first = compose.add_prefix(export_encoder(scorer.encoder), "encoder/", rename_inputs=False)
    second = compose.add_prefix(_head(scorer), "head/", rename_inputs=False)
    merged = compose.merge_models(first, second, io_map=[(f"encoder/{LINK}", LINK)], name="scorer")
    del merged.graph.output[:]
    merged.graph.node.append(helper.make_node("Identity", [f"head/{SCORE}"], [SCORE]))
    merged.graph.output.append(helper.make_tensor_value_info(SCORE, TensorProto.FLOAT, (_ANSWERS,)))
    meta = ScorerMeta(reading=scorer.settings.reading, tokens=scorer.encoder.tokens.to_json())
    tokenizer = scorer.encoder.tokens.tokenizer_json
    helper.set_model_props(merged, {SCORER_META: meta.model_dump_json(), TOKENIZER_META: tokenizer})
    return merged


def _head(scorer: AnswerScorer) -> onnx.ModelProto:
    settings = scorer.settings
    read = settings.reading
    inputs = {
        LINK: torch.linspace(-1, 1, 3 * settings.width).reshape(3, -1),
        PLACE: torch.arange(2 * len(read.parts)).reshape(2, -1) % 3,
        FACTS: torch.zeros(2, read.facts),
        MODEL: torch.zeros(2, dtype=torch.int64),
    }
    axes = {LINK: {0: _TEXTS}} | {key: {0: _ANSWERS} for key in (PLACE, FACTS, MODEL)}
    return export_module(_Head(scorer.network).eval(), inputs, [SCORE], axes)
