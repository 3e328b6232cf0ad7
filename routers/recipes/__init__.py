"""Methods named as their papers name them, each a choice of parts."""
