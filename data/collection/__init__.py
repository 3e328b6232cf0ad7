"""Collection: asking every model of a pool for every prompt, and losing nothing of what was paid for."""
