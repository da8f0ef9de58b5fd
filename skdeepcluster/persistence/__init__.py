"""Fitted models on disk: safetensors and JSON, no code. Reading is in `persistence.loading`."""

from .saving import save_model
from .versions import present_versions, version_note

__all__ = ["present_versions", "save_model", "version_note"]
