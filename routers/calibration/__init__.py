"""Maps from what an estimator says to the quality that was observed, as parts of the graph."""
