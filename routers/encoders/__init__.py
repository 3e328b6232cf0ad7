"""Text to embedding: tokens, modules, and the embedding cache."""
