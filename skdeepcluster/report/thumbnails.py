"""Small copies of images, encoded one by one."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skdeepcluster.data.resizing import resize
from skdeepcluster.data.samples import CHUNK_BYTES, Samples

SIDE = 64  # of a thumbnail, in pixels; the longer one
LOSSLESS_SIDE = 16  # up to it every pixel is seen
N_PROBED = 512  # images that the contrast is taken from
TAIL = 0.1  # percent of the values that may be cut off at each end


class Thumbnails:
    """
    Thumbnails of images, all with the same contrast.

    Bytes are shown as they are, unless their values span less than half of the range. All other
    values are mapped so that 0.1 percent are cut off at each end.

    Parameters
    ----------
    samples : Samples
        Images.
    """

    def __init__(self, samples: Samples) -> None:
        channels, height, width = samples.shape
        ratio = min(1.0, SIDE / max(height, width))
        self.samples = samples
        self.shape = (channels, *(max(1, round(side * ratio)) for side in (height, width)))
        self.step = max(1, CHUNK_BYTES // (8 * samples.layout.n_features))
        self.low, self.high = self._contrast()

    def encoded(self, rows: NDArray[np.intp]) -> Iterator[tuple[int, str]]:
        """
        Encode the thumbnails of some images.

        Parameters
        ----------
        rows : ndarray of shape (b,), dtype intp
            Their numbers.

        Yields
        ------
        row : int
            Number of the image.
        thumbnail : str
            The thumbnail as WebP in base64.
        """
        for part, pictures in self._pictures(rows):
            scaled = (pictures - self.low) * (255 / (self.high - self.low))
            levels = np.rint(scaled.clip(0, 255)).astype(np.uint8)
            yield from zip(part.tolist(), map(self._encode, levels), strict=True)

    def _pictures(self, rows: NDArray[np.intp]) -> Iterator[tuple[NDArray[np.intp], NDArray[Any]]]:
        """Yield small images, (b, H, W) or (b, H, W, 3), with their rows, some at a time."""
        for start in range(0, len(rows), self.step):
            part = rows[start : start + self.step]
            small = resize(self.samples.take(part).cpu().double(), self.shape).numpy()
            is_colour = self.shape[0] in (3, 4)
            yield part, np.moveaxis(small[:, :3], 1, -1) if is_colour else small.mean(axis=1)

    def _contrast(self) -> tuple[float, float]:
        """Return the values that are shown as black and as white."""
        n = len(self.samples)
        probed = np.unique(np.linspace(0, n - 1, min(n, N_PROBED)).astype(np.int64))
        values = np.concatenate([pictures.ravel() for _, pictures in self._pictures(probed)])
        low, high = (float(v) for v in np.percentile(values, [TAIL, 100 - TAIL]))
        if low == high:  # nothing is left after the cut, or there is one value only
            low, high = float(values.min()), float(values.max())
        if self.samples.is_uint8 and (high - low >= 128 or high == low):
            return 0.0, 255.0
        return low, high if high > low else low + 1

    def _encode(self, picture: NDArray[np.uint8]) -> str:
        from PIL import Image

        file = io.BytesIO()
        lossless = max(picture.shape[:2]) <= LOSSLESS_SIDE
        Image.fromarray(picture).save(file, "WEBP", quality=75, method=4, lossless=lossless)
        return base64.b64encode(file.getvalue()).decode("ascii")
