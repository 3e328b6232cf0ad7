"""Estimates and prices to a decision; numpy and the standard library only."""
