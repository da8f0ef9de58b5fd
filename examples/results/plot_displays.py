"""
Pictures of a clustering
========================

How to see at a glance whether a clustering is any good, and where it is not: displays of
``skdeepcluster.plotting``, for ten clusters of scikit-learn's handwritten digits.

All have a method ``from_estimator``, for a fitted estimator or a pipeline that ends in one. What
needs neither the history of the training nor the curve of ``n_clusters="auto"`` also has
``from_predictions``, for labels of any clusterer. ``ax_`` (or ``axes_``) and ``figure_`` are
matplotlib's, to change or to save.
"""

# %%
# The training
# ------------
# With 20 epochs, about half of what they would get by default, some digits are still mixed up; that
# is what the pictures have to show.
#
# The loss should fall and level off, the entropy of the cluster sizes stay near 1, and fewer and
# fewer samples should change their cluster. If many still do at the end, train longer.

from sklearn.datasets import load_digits

from skdeepcluster import ContrastiveClustering
from skdeepcluster.plotting import (
    ClusterGalleryDisplay,
    ClusterSizesDisplay,
    ConfidenceDisplay,
    ContingencyDisplay,
    EmbeddingDisplay,
    LearningCurvesDisplay,
    SilhouetteDisplay,
)

digits = load_digits()
model = ContrastiveClustering(n_clusters=10, max_epochs=20, random_state=0).fit(digits.images)
curves = LearningCurvesDisplay.from_estimator(model)

# %%
# The clusters
# ------------
# The first thing to look at: what is in each cluster? Rows of members that the model is most
# certain of should each show one thing.

certain = ClusterGalleryDisplay.from_estimator(model, digits.images)

# %%
# The members that it is least certain of show where clusters go wrong; here are three clusters.

doubtful = ClusterGalleryDisplay.from_estimator(
    model, digits.images, select="doubtful", clusters=[0, 1, 2]
)

# %%
# Sizes far from even may be right, but you should know why. A tiny cluster is often an odd kind of
# image, a huge one several kinds in one.

sizes = ClusterSizesDisplay.from_estimator(model, digits.images)

# %%
# The embedding
# -------------
# On the map, clusters should be islands, and neighbouring thumbnails should be alike. Clusters that
# overlap may still be apart in the other dimensions; ``method="umap"`` draws a map that keeps
# neighbours together.

embedding = EmbeddingDisplay.from_estimator(model, digits.images, images=digits.images)

# %%
# Broad blades are clusters far from all others. Samples left of 0 are nearer to the centre of
# another cluster than to that of their own.

silhouette = SilhouetteDisplay.from_estimator(model, digits.images)

# %%
# With known classes
# ------------------
# Where you have labels, if only of some samples, see which classes are mixed up: everything off the
# diagonal is. A class in two columns is split, a column with two classes has merged them.

contingency = ContingencyDisplay.from_estimator(model, digits.images, digits.target)

# %%
# Is the model right as often as it is sure? Bars that end below the dashed line say that it is too
# sure of itself; the numbers say how many of the samples that concerns.

confidence = ConfidenceDisplay.from_estimator(model, digits.images, digits.target)

# sphinx_gallery_thumbnail_number = 5
