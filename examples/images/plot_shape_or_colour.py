"""
The views decide what a cluster is
==================================

Discs, squares and crosses in red, green and blue: three clusters, but which? No clusterer can know
whether you care for shape or for colour. A deep one is told by its augmentation: clusters ignore
whatever differs between two views of an image.
"""

# %%
# Three shapes in three colours
# -----------------------------

import matplotlib.pyplot as plt
import numpy as np

from skdeepcluster import ContrastiveClustering
from skdeepcluster.augmentation import ImageAugmentation
from skdeepcluster.metrics import clustering_accuracy_score
from skdeepcluster.plotting import ClusterGalleryDisplay

SIDE = 20
COLOURS = np.array([[250, 105, 90], [80, 190, 80], [110, 150, 255]])  # equally bright
rng = np.random.default_rng(0)


def draw(shape, colour):
    """Draw a shape of random size near the middle, on a noisy dark ground."""
    row, column = np.mgrid[:SIDE, :SIDE] - rng.uniform(9, 11, (2, 1, 1))
    radius = rng.uniform(6, 8)
    far = np.maximum(abs(row), abs(column))
    inside = {
        0: np.hypot(row, column) < radius,
        1: far < radius * 0.85,
        2: (far < radius) & (np.minimum(abs(row), abs(column)) < radius * 0.35),
    }[int(shape)]
    image = rng.normal(40, 12, (SIDE, SIDE, 3))
    image[inside] = COLOURS[colour] + rng.normal(0, 12, (inside.sum(), 3))
    return image.clip(0, 255).astype(np.uint8)


shapes, colours = rng.integers(0, 3, (2, 500))
X = np.stack([draw(*pair) for pair in zip(shapes, colours, strict=True)])

# %%
# The same fit with two augmentations
# -----------------------------------
# ``"texture"``, the default for three channels, leaves colours nearly as they are and takes crops,
# in which a shape is hard to recognise. The second augmentation hardly crops, and takes away all
# colour.

grey = ImageAugmentation(
    crop_scale=(0.8, 1.0), grayscale_probability=1.0, rotation=10.0, translation=0.05
)
figure = plt.figure(figsize=(10, 2.2), layout="constrained")
parts = figure.subfigures(1, 2, wspace=0.05)
for part, augmentation in zip(parts, ("texture", grey), strict=True):
    model = ContrastiveClustering(3, augmentation=augmentation, max_epochs=40, random_state=0)
    labels = model.fit_predict(X)
    ClusterGalleryDisplay.from_predictions(
        X, labels, n_images=10, select="random", random_state=0, figure=part
    )
    name = augmentation if isinstance(augmentation, str) else "no colour, few crops"
    part.suptitle(name)
    right = [clustering_accuracy_score(kind, labels) for kind in (colours, shapes)]
    print(f"{name:20s}  {right[0]:.2f} by colour, {right[1]:.2f} by shape")

# %%
# So look at the views of your own images before you train: the example
# :ref:`sphx_glr_auto_examples_images_plot_views.py` draws them.
