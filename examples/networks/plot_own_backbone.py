"""
A network of your own
=====================

The trunk of every method can be replaced: by a module of your own, by one of torchvision, or by one
of timm, with weights or without. The method puts its heads on top.
"""

# %%
# Three trunks
# ------------
# A callable gets the shape of an image, ``(C, H, W)``, and returns a module that maps a batch to
# one row of features for each image. ``"small"`` is what the estimators take by themselves.

from functools import partial
from time import perf_counter

import matplotlib.pyplot as plt
import timm
from sklearn.datasets import load_digits
from torch import nn
from torchvision.ops import Conv2dNormActivation, SqueezeExcitation

from skdeepcluster import ContrastiveClustering
from skdeepcluster.metrics import clustering_accuracy_score


def own(shape):
    """Make three convolutions with attention to channels, from blocks of torchvision."""
    block = partial(Conv2dNormActivation, kernel_size=3)
    return nn.Sequential(
        block(shape[0], 32),
        block(32, 64, stride=2),
        SqueezeExcitation(64, 16),
        block(64, 96, stride=2),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
    )


def from_timm(shape):
    """Make a narrow ResNet of timm without weights, which leaves small images large enough."""
    network = timm.create_model(
        "resnet10t", channels=(32, 64, 96, 128), in_chans=shape[0], num_classes=0
    )
    network.maxpool = nn.Identity()
    return network


# %%
# The same fit on each
# --------------------
# 600 digits and 20 epochs; one seed, so this compares no networks, it shows that they fit in.

digits = load_digits()
X, y = digits.images[:600], digits.target[:600]
accuracy, seconds, fitted = {}, {}, {}
for name, backbone in {"small": "small", "own": own, "timm": from_timm}.items():
    model = ContrastiveClustering(
        10, backbone=backbone, max_epochs=20, precision="float32", random_state=0
    )
    start = perf_counter()
    labels = model.fit_predict(X)
    seconds[name], fitted[name] = perf_counter() - start, model
    accuracy[name] = clustering_accuracy_score(y, labels)
    size = sum(weights.numel() for weights in model.backbone_.parameters())
    print(f"{name:6s} {size:8,d} weights  accuracy {accuracy[name]:.3f}")

figure, ax = plt.subplots(figsize=(6, 3), layout="constrained")
for name in accuracy:
    ax.plot(seconds[name], accuracy[name], "o", markersize=10)
    ax.annotate(name, (seconds[name], accuracy[name]), (8, 4), textcoords="offset points")
ax.set(xlabel="seconds", ylabel="accuracy", xlim=(0, None), ylim=(0, 1))
ax.spines[["top", "right"]].set_visible(False)

# %%
# What it has learnt
# ------------------
# ``backbone_`` is a copy of the trained trunk, a module like any other. These are the first kernels
# of one's own.

kernels = fitted["own"].backbone_[0][0].weight.detach().numpy()
figure, axes = plt.subplots(2, 16, figsize=(8, 1.2), layout="constrained")
for ax, kernel in zip(axes.flat, kernels[:, 0], strict=True):
    ax.imshow(kernel, cmap="RdBu", vmin=-abs(kernels).max(), vmax=abs(kernels).max())
    ax.set_axis_off()

# %%
# A trunk that was trained elsewhere is passed as a module and wants a small ``backbone_lr_factor``:
# see :doc:`/networks`.
