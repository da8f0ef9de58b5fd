"""Batched augmentation: tensor operations on a whole batch, on its own device."""

from skdeepcluster.augmentation.image import ImageAugmentation
from skdeepcluster.augmentation.vector import VectorAugmentation

__all__ = ["ImageAugmentation", "VectorAugmentation"]
