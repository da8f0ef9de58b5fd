"""
What a hundred labels change
============================

A clustering without labels, a look at the hundred images that it would like to be told about, and
a second fit that knows what they are. The rest, some 1,700 images, has no labels in either.
"""

# %%
# Without labels
# --------------
# Ten epochs, a fifth of what they would be by default, so that there is something left to do.

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression

from skdeepcluster import ContrastiveClustering
from skdeepcluster.metrics import clustering_accuracy_score
from skdeepcluster.plotting import ContingencyDisplay

X, y = load_digits().images, load_digits().target
without = ContrastiveClustering(n_clusters=10, max_epochs=10, random_state=0).fit(X)

# %%
# Which images to label
# ---------------------
# ``suggest_labels`` takes images of all kinds, of each kind the one that is most in doubt. The
# doubtful ones come first, and are not the finest of digits.

rows = without.suggest_labels(X, 100)
framed = np.pad(X[rows], ((0, 0), (1, 1), (1, 1)))
tiles = framed.reshape(5, 20, 10, 10).swapaxes(1, 2).reshape(50, 200)
figure, ax = plt.subplots(figsize=(10, 2.6), layout="constrained")
ax.imshow(tiles, cmap="gray_r")
ax.set(title="Please label these", xticks=[], yticks=[])

# %%
# With labels
# -----------
# Labelling them takes a person a few minutes; here we look them up. All other images have -1, which
# stands for unknown.

known = np.full(len(y), -1)
known[rows] = y[rows]
told = ContrastiveClustering(n_clusters=10, max_epochs=10, random_state=0)
told.fit(X, known_labels=known)

# %%
# What has changed
# ----------------
# Classes against clusters, for the images without a label. On the left clusters have numbers, and
# digits are mixed up or cut in two. On the right each cluster stands for a digit, and
# ``predict_classes`` says for which.

rest = known < 0
figure, axes = plt.subplots(1, 2, figsize=(11, 5), layout="constrained")
found = {"no labels": without.labels_, "100 labels": told.predict_classes(X)}
for ax, (name, labels) in zip(axes, found.items(), strict=True):
    ContingencyDisplay.from_predictions(y[rest], labels[rest], ax=ax)
    ax.set_title(f"{name}: {clustering_accuracy_score(y[rest], labels[rest]):.1%} right")

# %%
# A classifier that sees only labelled images is the other way to use a hundred labels. It would
# rather have those of typical images, so here is one for a hundred drawn at random, too.

pixels = X.reshape(len(X), -1) / 16
chosen = {"suggested": rows, "random": np.random.default_rng(0).choice(len(X), 100, replace=False)}
for name, labelled in chosen.items():
    classifier = LogisticRegression(max_iter=1000).fit(pixels[labelled], y[labelled])
    others = np.setdiff1d(np.flatnonzero(rest), labelled)
    print(f"100 {name} images alone {classifier.score(pixels[others], y[others]):.3f}")

# %%
# :doc:`/few_labels` has more: labels of some classes only, pipelines, searches, and the command.

# sphinx_gallery_thumbnail_number = 2
