"""
==============================
Clusters of handwritten digits
==============================

Sorts scikit-learn's 1,797 handwritten digits (8 x 8 pixels, grey) into ten clusters without using
the labels, and then compares the clusters with them.
"""

# %%
# Fit
# ---
# Grey images need nothing but the number of clusters: the network, its stem and an augmentation
# that neither mirrors nor recolours are chosen by the shape of the images.

from time import perf_counter

from sklearn.datasets import load_digits
from sklearn.metrics import adjusted_rand_score, normalized_mutual_info_score

from skdeepcluster import ContrastiveClustering
from skdeepcluster.metrics import clustering_accuracy_score
from skdeepcluster.plotting import ClusterGalleryDisplay

digits = load_digits()
model = ContrastiveClustering(n_clusters=10, random_state=0)
start = perf_counter()
labels = model.fit_predict(digits.images)
seconds = perf_counter() - start

# %%
# Compare with the true digits
# ----------------------------
# The accuracy is that under the best matching of clusters to digits.

print(f"ACC  {clustering_accuracy_score(digits.target, labels):.3f}")
print(f"NMI  {normalized_mutual_info_score(digits.target, labels):.3f}")
print(f"ARI  {adjusted_rand_score(digits.target, labels):.3f}")
print(f"time {seconds:.0f} s")

# %%
# Look at the clusters
# --------------------
# One row per cluster, with its number and its size; the most certain members are on the left.

display = ClusterGalleryDisplay.from_estimator(model, digits.images)
display.figure_.savefig("quickstart_clusters.png", dpi=150)
print("wrote quickstart_clusters.png")
