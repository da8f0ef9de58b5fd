"""Parts of the benchmark of forged files: what is changed, and what becomes of it."""
