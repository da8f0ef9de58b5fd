"""
Four methods on one plate
=========================

The four estimators have one face: to try another method, change the name. Here all of them sort the
same 600 handwritten digits, from 0 to 5, with the same seed and their default settings.
"""

# %%
# One loop over the methods
# -------------------------
# k-means on the pixels stands beside them, as it should whenever clusters are compared. With data
# of your own there would be no ``digits.target``, and you would compare the rows of the galleries.

import matplotlib.pyplot as plt
from sklearn.cluster import KMeans
from sklearn.datasets import load_digits

from skdeepcluster import CLC, ContrastiveClustering, ProPos, TwinContrastClustering
from skdeepcluster.metrics import clustering_accuracy_score
from skdeepcluster.plotting import ClusterGalleryDisplay

digits = load_digits(n_class=6)
X, y = digits.images[:600], digits.target[:600]
found = {"k-means": KMeans(6, random_state=0).fit_predict(X.reshape(600, -1))}
for method in (ContrastiveClustering, ProPos, TwinContrastClustering, CLC):
    found[method.__name__] = method(n_clusters=6, random_state=0).fit_predict(X)

# %%
# Accuracy after matching clusters to digits
# ------------------------------------------
# One seed on 600 small images ranks nothing: other seeds change the order. :doc:`/results` has
# three seeds and several sets of data.

accuracy = {name: clustering_accuracy_score(y, labels) for name, labels in found.items()}
figure, ax = plt.subplots(figsize=(7, 2.8), layout="constrained")
bars = ax.barh(list(accuracy), list(accuracy.values()), color=["0.6", "C0", "C1", "C2", "C3"])
ax.bar_label(bars, [f"{value:.3f}" for value in accuracy.values()], padding=4)
ax.invert_yaxis()
ax.set(xlim=(0, 1.1), xlabel="accuracy")
ax.spines[["top", "right"]].set_visible(False)

# %%
# What is in the clusters
# -----------------------
# Members drawn at random, one row per cluster. Four galleries of the same images on one plate:

figure = plt.figure(figsize=(10, 7), layout="constrained")
methods = [name for name in found if name != "k-means"]
for part, name in zip(figure.subfigures(2, 2, wspace=0.05).flat, methods, strict=True):
    part.suptitle(f"{name}, {accuracy[name]:.3f}")
    ClusterGalleryDisplay.from_predictions(
        X, found[name], n_images=9, select="random", random_state=0, figure=part
    )

# sphinx_gallery_thumbnail_number = 2
