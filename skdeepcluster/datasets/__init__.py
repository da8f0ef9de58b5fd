"""Folders of image files, as the arrays that the estimators take."""

from __future__ import annotations

from skdeepcluster.datasets.images import load_images

__all__ = ["load_images"]
