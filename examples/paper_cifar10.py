"""
========================
CIFAR-10 as in the paper
========================

Runs one method with its paper's settings on all 60,000 images of CIFAR-10 and prints the paper's
scores next to its own. The images are read from the folder in which torchvision keeps them:
``--root data`` for ``data/cifar-10-batches-py``. This takes hours on a GPU::

    python examples/paper_cifar10.py --method propos --root data --device cuda

With ``--checkpoint-dir``, the same command resumes where it was interrupted.
"""

# %%
# The images
# ----------
# Training and test images together, as in the papers; the labels are used only for the scores.

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch
from sklearn.metrics import adjusted_rand_score, normalized_mutual_info_score
from torch.nn import functional
from torchvision.datasets import CIFAR10

import skdeepcluster
from skdeepcluster.metrics import clustering_accuracy_score
from skdeepcluster.recipes import known_recipes, recipe

SCORES = {
    "ACC": clustering_accuracy_score,
    "NMI": normalized_mutual_info_score,
    "ARI": adjusted_rand_score,
}


def load_images(root: Path, limit: int | None) -> tuple[np.ndarray, np.ndarray]:
    """Return images (n, 32, 32, 3) and labels, all of them or some of the training images."""
    folder = root / CIFAR10.base_folder
    if not folder.is_dir():
        raise SystemExit(
            f"There is no folder {folder}. Give --root the folder that holds "
            f"{CIFAR10.base_folder}, as unpacked from {CIFAR10.url} or made by "
            f"torchvision.datasets.CIFAR10({str(root)!r}, download=True)."
        )
    try:
        parts = [CIFAR10(root, train=train, download=False) for train in (True, False)]
    except RuntimeError as error:
        raise SystemExit(f"{folder} is incomplete or damaged: {error}") from error
    images = np.concatenate([part.data for part in parts])
    return images[:limit], np.concatenate([part.targets for part in parts])[:limit]


def resize(images: np.ndarray, size: int) -> np.ndarray:
    """Resize images, a few hundred at a time."""
    if images.shape[1] == size:
        return images
    resized = np.empty((len(images), size, size, 3), dtype=np.uint8)
    for start in range(0, len(images), 512):
        batch = torch.tensor(images[start : start + 512]).permute(0, 3, 1, 2).float()
        batch = functional.interpolate(batch, (size, size), mode="bilinear", antialias=True)
        batch = batch.round().clamp(0, 255).to(torch.uint8).permute(0, 2, 3, 1)
        resized[start : start + 512] = batch.numpy()
    return resized


# %%
# The run
# -------
# With ``--image-size 32`` Contrastive Clustering skips the paper's enlargement to 224 pixels;
# ``--limit`` and ``--max-epochs`` are for a first try, not for a comparison with the paper.


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    methods = [method for method, data in known_recipes() if data == "cifar10"]
    parser = argparse.ArgumentParser(description="A paper's settings on CIFAR-10.")
    parser.add_argument("--method", choices=methods, default="propos")
    parser.add_argument("--root", type=Path, required=True, help="holds cifar-10-batches-py")
    parser.add_argument("--max-epochs", type=int, help="instead of the paper's number")
    parser.add_argument("--image-size", type=int, help="pixels, instead of the paper's")
    parser.add_argument("--limit", type=int, help="only so many images")
    parser.add_argument("--seed", type=int, help="instead of the authors', else 0")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--checkpoint-dir", type=Path)
    return parser.parse_args(arguments)


def main(arguments: list[str] | None = None) -> None:
    """Fit, and print the scores."""
    options = parse(arguments)
    settings = recipe(options.method, "cifar10")
    images, labels = load_images(options.root, options.limit)
    images = resize(images, options.image_size or settings.image_size)
    model = getattr(skdeepcluster, settings.method)(**settings)
    seed = settings.get("random_state", 0) if options.seed is None else options.seed
    model.set_params(
        max_epochs=options.max_epochs or model.max_epochs,
        device=options.device,
        checkpoint_dir=options.checkpoint_dir,
        random_state=seed,
        verbose=1,
    )
    print(f"{settings.method} on {len(images)} images, {model.max_epochs} epochs")
    for note in settings.notes:
        print(f"* {note}")
    found = model.fit_predict(images)
    print("       paper   here")
    for name, score in SCORES.items():
        paper = f"{settings.results[name]:.3f}" if name in settings.results else "  -  "
        print(f"{name}    {paper}   {score(labels, found):.3f}")


if __name__ == "__main__":
    main()
