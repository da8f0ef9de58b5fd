"""Colour images of one's own making: crops of photographs, and emoji, and features of both.

The photographs are those of Debian's plasma-workspace-wallpapers, the emoji those of npm's
emoji-datasource-google. Which photograph a crop is of, or which category an emoji, is its class.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image

WALLPAPERS = Path("/usr/share/wallpapers")
EMOJI = Path("node_modules/emoji-datasource-google")
N_PHOTOGRAPHS = 12
HEIGHT = 900  # pixels of the shorter side, before crops are cut
Data = tuple[np.ndarray, np.ndarray]


def photographs(folder: Path, half: int) -> Iterator[Image.Image]:
    """Open the largest file of every other wallpaper, in the order of their names."""
    names = sorted({path.parents[2].name for path in folder.glob("*/contents/images/*.*")})
    for name in names[half::2][:N_PHOTOGRAPHS]:
        files = (folder / name / "contents" / "images").glob("*.*")
        image = Image.open(max(files, key=lambda path: path.stat().st_size)).convert("RGB")
        scale = HEIGHT / min(image.size)
        sides = round(image.width * scale), round(image.height * scale)
        yield image.resize(sides, Image.Resampling.LANCZOS)


def crops(folder: Path | None, half: int, count: int, side: int, seen: int) -> Data:
    """Cut crops from every other photograph, and reduce their side to what is to be seen."""
    folder, rng = folder or WALLPAPERS, np.random.default_rng(half)
    if not folder.is_dir():
        raise FileNotFoundError(f"No folder {folder}: see --folder.")
    X: list[np.ndarray] = []
    for image in photographs(folder, half):
        for _ in range(count):
            left, top = rng.integers(0, image.width - side), rng.integers(0, image.height - side)
            crop = image.crop((left, top, left + side, top + side))
            X.append(np.asarray(crop.resize((seen, seen), Image.Resampling.BOX)))
    return np.stack(X), np.repeat(np.arange(len(X) // count), count)


def emoji(folder: Path | None) -> Data:
    """Return the emoji of 64 x 64 on white."""
    folder = folder or EMOJI
    entries = json.loads((folder / "emoji.json").read_text())
    categories = sorted({entry["category"] for entry in entries} - {"Component"})
    X: list[np.ndarray] = []
    y: list[int] = []
    for entry in entries:
        path = folder / "img" / "google" / "64" / entry["image"]
        if entry["category"] in categories and path.exists():
            image = Image.open(path).convert("RGBA")
            white = Image.new("RGBA", image.size, (255, 255, 255, 255))
            white.alpha_composite(image)
            X.append(np.asarray(white.convert("RGB").resize((64, 64))))
            y.append(categories.index(entry["category"]))
    return np.stack(X), np.array(y)


def features(images: np.ndarray, labels: np.ndarray) -> Data:
    """Return what EfficientNet-lite0 makes of images at 128 pixels."""
    from features import efficientnet_lite0

    from skdeepcluster.features import PretrainedFeatures

    as_seen = np.stack([np.asarray(Image.fromarray(one).resize((128, 128))) for one in images])
    return PretrainedFeatures(efficientnet_lite0, device="cpu").fit_transform(as_seen), labels
