"""Fusion during inference: models that share no tokenizer write one text together, token by token."""
