"""The router signature: what every exported graph takes and gives, and which runtime reads it."""

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

USAGE: dict[UsageKind, str] = {
    "completion_tokens": "completion_tokens",
    "cost_usd": "cost_usd",
    "unknown": "completion_tokens",  # NaN everywhere
}
"""The name of the usage output, float32 [B, A]."""

OPSET = 18
IR_VERSION = 10
ONNXRUNTIME_MIN = "1.20"  # reads this opset and this IR version
