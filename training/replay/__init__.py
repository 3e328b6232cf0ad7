"""Deferral over recorded answers: what a policy would have done, and what it would have cost."""
