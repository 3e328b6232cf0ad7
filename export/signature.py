"""The signatures of routers and scorers: what exported graphs take and give, and which runtime reads them."""

from typing import Literal

from anabranch.data.outcomes import UsageKind

Precision = Literal["fp32", "int8"]
"""The encoder's weights; the head is float32 always."""

INPUT_IDS = "input_ids"  # int64 [B, S]
ATTENTION_MASK = "attention_mask"  # int64 [B, S]
TRADEOFF = "tradeoff"  # float32 [B]; only for estimators that read it
QUALITY = "quality"  # float32 [B, A]
SPREAD = "spread"  # float32 [B, A]
EMBEDDING = "embedding"  # float32 [B, D]

# of a scorer, whose ids and mask are those of T distinct texts
PLACE = "place"  # int64 [B, K]; which text each part of an answer is
FACTS = "facts"  # float32 [B, F]; NaN is not known
MODEL = "model"  # int64 [B]; who answered
SCORE = "score"  # float32 [B]

USAGE: dict[UsageKind, str] = {
    "completion_tokens": "completion_tokens",
    "cost_usd": "cost_usd",
    "unknown": "completion_tokens",  # NaN everywhere
}
"""The name of the usage output, float32 [B, A]."""

OPSET = 18
IR_VERSION = 10
ONNXRUNTIME_MIN = "1.20"  # reads this opset and this IR version
