"""What a person reads: console table, picture, HTML page."""
