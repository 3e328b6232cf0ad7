"""Fusion after inference: what the recipes learn that call all models and pick one of their answers."""
