"""Embedding to expected quality, usage and spread of every arm."""
