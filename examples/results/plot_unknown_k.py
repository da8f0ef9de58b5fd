"""
How many clusters are there?
============================

Images of six digits, and nobody says that there are six. With ``n_clusters="auto"``, a first
training has far too many clusters; those that two views of an image do not tell apart are merged,
two by two, and a second training has as many as are left.
"""

# %%
# Fit without a number
# --------------------
# 1,083 images of the digits 0 to 5. The first training has 23 clusters, 0.7 times the square root
# of that; set ``max_clusters`` if you expect more.

from sklearn.datasets import load_digits

from skdeepcluster import ContrastiveClustering
from skdeepcluster.metrics import clustering_accuracy_score
from skdeepcluster.plotting import ClusterGalleryDisplay, ClusterNumberDisplay

digits = load_digits(n_class=6)
model = ContrastiveClustering(n_clusters="auto", random_state=0).fit(digits.images)
print(f"{model.n_clusters_} clusters")

# %%
# How sure is that?
# -----------------
# As the clusters of the first training were merged, how well were the worst two told apart? To the
# right, images of one digit are in several clusters, and views of them fall now into one and now
# into another. To the left, clusters are whole digits, and it makes little difference which are
# merged. The number is where the curve begins to fall; the shaded ones are as good. If they
# differed by half and more, a warning would say so.

curve = ClusterNumberDisplay.from_estimator(model)

# %%
# The clusters
# ------------
# The last word is with your eyes: does each row show one kind of thing, and no two rows the same?

gallery = ClusterGalleryDisplay.from_estimator(model, digits.images)

# %%
# Here the digits are known, and tell how many images are in the right cluster.

print(f"accuracy {clustering_accuracy_score(digits.target, model.labels_):.3f}")

# %%
# :doc:`/unknown_k` says how the number is found, and where not to rely on it.
