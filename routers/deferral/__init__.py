"""Deferral: look at what was answered so far, then stop or call more models."""
