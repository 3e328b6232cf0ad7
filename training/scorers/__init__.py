"""How scorers of answers learn: from recorded answers and how good they were."""
