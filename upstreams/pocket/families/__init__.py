"""The pocket tasks: one family a file, each with its wording, its difficulty and its exact answers."""
