"""Cost-quality metrics as functions of arrays."""
