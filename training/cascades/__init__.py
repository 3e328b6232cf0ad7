"""Cascades: what the recipes of deferral policies learn, and how one is fitted, measured and written."""
