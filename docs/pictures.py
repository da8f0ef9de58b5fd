"""
Draw the pictures of the front page and of the start, once for light and once for dark pages.

    python docs/pictures.py

They are kept in ``docs/_static``, so that a build need not train for them.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image
from sklearn.datasets import load_digits

from skdeepcluster import ContrastiveClustering

STATIC = Path(__file__).parent / "_static"
SIDE, GAP = 36, 6
INKS = {
    "light": ["#1f5fa8", "#b34700", "#2f7a3c", "#a02c5d", "#6a4ca8", "#7a5200", "#00727a"],
    "dark": ["#7db7f5", "#ffab70", "#86d694", "#f59ac0", "#bda6f2", "#e0bd69", "#72d2d8"],
}
PLAIN = {"light": "#50565c", "dark": "#b4bac0"}
N_ROWS, N_COLUMNS = 7, 8


def stamp(image: np.ndarray, ink: str, angle: float = 0.0) -> Image.Image:
    """Return a digit in one colour on a transparent ground."""
    alpha = Image.fromarray((image * 15.9).astype(np.uint8)).resize((SIDE, SIDE), Image.BICUBIC)
    picture = Image.new("RGBA", (SIDE, SIDE), ink)
    picture.putalpha(alpha)
    return picture.rotate(angle, Image.BICUBIC)


def rows(images: np.ndarray, members: list[np.ndarray], inks: list[str]) -> Image.Image:
    """Draw one row for each cluster."""
    n_columns = len(members[0])
    size = (n_columns * (SIDE + GAP) - GAP, len(members) * (SIDE + GAP) - GAP)
    picture = Image.new("RGBA", size)
    for i, row in enumerate(members):
        for j, number in enumerate(row):
            place = (j * (SIDE + GAP), i * (SIDE + GAP))
            picture.alpha_composite(stamp(images[number], inks[i % len(inks)]), place)
    return picture


def heap(images: np.ndarray, numbers: np.ndarray, ink: str, size: int) -> Image.Image:
    """Scatter images over a disc, turned this way and that."""
    rng = np.random.default_rng(2)
    picture = Image.new("RGBA", (size, size))
    golden = np.pi * (3 - np.sqrt(5))
    for place, number in enumerate(rng.permutation(numbers)):
        radius = (size - SIDE) / 2 * np.sqrt((place + 0.5) / len(numbers))
        x, y = radius * np.cos(golden * place), radius * np.sin(golden * place)
        corner = tuple(int(size / 2 + c - SIDE / 2 + rng.normal(0, 3)) for c in (x, y))
        corner = tuple(min(max(c, 0), size - SIDE) for c in corner)
        picture.alpha_composite(stamp(images[number], ink, rng.uniform(-35, 35)), corner)
    return picture


def arrow(height: int, ink: str) -> Image.Image:
    """Draw an arrow to the right."""
    picture = Image.new("RGBA", (90, height))
    middle = height // 2
    picture.paste(ink, (12, middle - 3, 62, middle + 3))
    for x in range(26):
        half = 16 - x * 16 // 26
        picture.paste(ink, (58 + x, middle - half, 59 + x, middle + half + 1))
    return picture


def main() -> None:
    """Fit once, and draw four pictures."""
    digits = load_digits()
    model = ContrastiveClustering(n_clusters=10, random_state=0).fit(digits.images)
    sure = model.predict_proba(digits.images)
    members = [
        np.flatnonzero(model.labels_ == k)[np.argsort(-sure[model.labels_ == k, k])]
        for k in range(model.n_clusters_)
    ]
    for theme, inks in INKS.items():
        shown = [row[:N_COLUMNS] for row in members[:N_ROWS]]
        right = rows(digits.images, shown, inks)
        left = heap(digits.images, np.concatenate(shown), PLAIN[theme], right.height)
        between = arrow(right.height, PLAIN[theme])
        front = Image.new("RGBA", (left.width + between.width + right.width, right.height))
        for part, x in ((left, 0), (between, left.width), (right, left.width + between.width)):
            front.paste(part, (x, 0))
        front.quantize(64).save(STATIC / f"front_{theme}.png", optimize=True)
        plate = rows(digits.images, [row[:12] for row in members], [PLAIN[theme]])
        plate.quantize(32).save(STATIC / f"clusters_{theme}.png", optimize=True)


if __name__ == "__main__":
    main()
