"""What a request gets: one strategy a file."""
