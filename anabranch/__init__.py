"""Anabranch: train routers over language models, prove them, export them, serve them."""

import os

__version__ = "0.1.0"

# onnxruntime would otherwise keep a device id in the user's home as soon as it is imported; no surprises
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
