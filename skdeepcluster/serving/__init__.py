"""A fitted estimator as a plain network, for programs that know neither it nor scikit-learn."""

from __future__ import annotations

from skdeepcluster.serving.module import as_module
from skdeepcluster.serving.onnx_file import export_onnx

__all__ = ["as_module", "export_onnx"]
