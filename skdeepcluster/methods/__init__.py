"""The clustering methods, one per file."""
