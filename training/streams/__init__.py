"""Streams: a student that answers queries when it is sure, and learns from a large model's answers when it is not."""
