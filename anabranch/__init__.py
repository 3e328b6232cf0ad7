"""Anabranch: train routers over language models, prove them, export them, serve them."""

__version__ = "0.1.0"
