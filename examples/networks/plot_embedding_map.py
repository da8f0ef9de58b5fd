"""
A map of vectors
================

Rows of numbers are clustered as images are, with a multilayer perceptron instead of a convolutional
network, and near rows instead of distorted images as views. Here the rows are 32 principal
components of the digits; they might be the output of some other model. A map before and after shows
what training does to them.
"""

# %%
# Vectors from somewhere else
# ---------------------------
# All that the estimator is told is an array of shape ``(n, 32)``. Components keep their scale:
# the first ones vary most, and count for most.

import matplotlib.pyplot as plt
from sklearn.cluster import KMeans
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA

from skdeepcluster import CLC
from skdeepcluster.metrics import clustering_accuracy_score
from skdeepcluster.plotting import EmbeddingDisplay

digits = load_digits()
X = PCA(32, random_state=0).fit_transform(digits.data)

# %%
# Clusters
# --------

model = CLC(n_clusters=10, random_state=0).fit(X)
baseline = KMeans(10, n_init=10, random_state=0).fit_predict(X)
print(f"k-means {clustering_accuracy_score(digits.target, baseline):.3f}")
print(f"CLC     {clustering_accuracy_score(digits.target, model.labels_):.3f}")

# %%
# Before and after
# ----------------
# On the left the two directions in which the rows vary most, on the right those in which their
# embedding does; the colours are the true digits in both. Two dimensions show a part of either.

figure, axes = plt.subplots(1, 2, figsize=(10, 4.6), layout="constrained")
spaces = {"principal components": X, "embedding": model.transform(X)}
for ax, (name, space) in zip(axes, spaces.items(), strict=True):
    flat = PCA(2, random_state=0).fit_transform(space)
    ax.scatter(*flat.T, c=digits.target, cmap="tab10", s=6)
    ax.set(title=name, xticks=[], yticks=[])

# %%
# With pictures on it
# -------------------
# Where rows stand for images, a display draws them on the map, coloured by the clusters found.

figure, ax = plt.subplots(figsize=(7, 6), layout="constrained")
display = EmbeddingDisplay.from_estimator(model, X, images=digits.images, n_thumbnails=60, ax=ax)

# sphinx_gallery_thumbnail_number = 2
