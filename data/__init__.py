"""What is known: outcomes, preferences, prices, splits, routing text."""
