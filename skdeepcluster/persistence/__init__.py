"""Fitted models on disk: safetensors and JSON, no code."""
