"""How requests are served."""
