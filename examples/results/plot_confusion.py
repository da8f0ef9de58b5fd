"""
Which classes are mixed up
==========================

Where there are labels, if only of some images, a table of classes against clusters says more than
any score. Numbers of clusters mean nothing, so the columns stand in the order of the best matching
of clusters to classes (the Hungarian method): what is right is on the diagonal, and a class that
was split or merged is easily seen.
"""

# %%
# A clustering that is not quite right
# ------------------------------------
# Half of the digits, and a sixth of the training that they would get by default.

import matplotlib.pyplot as plt
import numpy as np
from scipy.optimize import linear_sum_assignment
from sklearn.datasets import load_digits
from sklearn.metrics.cluster import contingency_matrix

from skdeepcluster import ContrastiveClustering
from skdeepcluster.metrics import clustering_accuracy_score
from skdeepcluster.plotting import ContingencyDisplay

digits = load_digits()
X, y = digits.images[:900], digits.target[:900]
model = ContrastiveClustering(n_clusters=10, max_epochs=16, random_state=0).fit(X)
print(f"accuracy {clustering_accuracy_score(y, model.labels_):.3f}")

# %%
# The table
# ---------

display = ContingencyDisplay.from_estimator(model, X, y)

# %%
# The images off the diagonal
# ---------------------------
# SciPy gives the same matching; with it, each cluster gets the name of a digit. The largest cell
# that is not on the diagonal deserves a look: images of one digit that went to the cluster of
# another. The first row of the plate holds some, the second what that cluster is otherwise made of.

counts = contingency_matrix(y, model.labels_)
_, cluster_of = linear_sum_assignment(counts, maximize=True)
wrong = counts.copy()
wrong[np.arange(10), cluster_of] = 0
digit, cluster = np.unravel_index(wrong.argmax(), wrong.shape)
owner = int(np.flatnonzero(cluster_of == cluster)[0])
print(f"{wrong.max()} images of a {digit} are in the cluster of the {owner}")

figure, rows = plt.subplots(2, 12, figsize=(9, 2.2), layout="constrained")
for row, shown, name in zip(rows, (digit, owner), ("strays", "others"), strict=True):
    members = X[(y == shown) & (model.labels_ == cluster)]
    row[0].set_ylabel(f"{name}: {shown}")
    for ax in row:
        ax.set(xticks=[], yticks=[])
        ax.spines[:].set_visible(False)
    for ax, image in zip(row, members, strict=False):
        ax.imshow(image, cmap="gray_r")
