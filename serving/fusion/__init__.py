"""Fusion: several models make one answer, while it is written (`during`) or once all are there (`after`)."""
