"""
======================
Pipelines and searches
======================

A deep clusterer is an estimator like any other: use it in a pipeline after a scaler, before a
classifier, and inside a grid search, with or without labels.
"""

# %%
# After a scaler
# --------------
# A ``StandardScaler`` works on rows, so the images are flattened and ``image_shape`` tells the
# clusterer their shape. A few hundred images and a few epochs keep this example short, but are too
# few for good clusters.

from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import make_scorer
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skdeepcluster import ContrastiveClustering
from skdeepcluster.metrics import clustering_accuracy_score
from skdeepcluster.plotting import ClusterGalleryDisplay

X, y = load_digits(n_class=5, return_X_y=True)
X, y = X[:400], y[:400]
clusterer = ContrastiveClustering(
    n_clusters=5, image_shape=(8, 8), max_epochs=15, batch_size=100, random_state=0
)
model = make_pipeline(StandardScaler(), clusterer)
labels = model.fit_predict(X)
print(f"ACC {clustering_accuracy_score(y, labels):.3f}")

# %%
# A pipeline can be drawn just like an estimator; the images shown are those before scaling.

ClusterGalleryDisplay.from_estimator(model, X, n_images=8, image_shape=(8, 8))

# %%
# Before a classifier
# -------------------
# As a step of a pipeline, the clusterer passes on its embedding. Here it is trained on all images,
# and the classifier on only 50 labels.

embedding = model.transform(X)
classifier = LogisticRegression().fit(embedding[:50], y[:50])
print(f"accuracy with 50 labels {classifier.score(embedding[50:], y[50:]):.3f}")

# %%
# A search without labels
# -----------------------
# ``score`` needs no labels: it makes two views of each image and weighs how far they agree on the
# clusters against twice what they disagree on. At 0 the two balance; five clusters can have the
# logarithm of 5, 1.6, at most. A search takes the mean over the held-out images, and the highest is
# the best. Such short fits on 200 images stay below 0, but the order is what counts here.

grid = {"contrastiveclustering__lr": [3e-4, 1e-3, 3e-3]}
search = GridSearchCV(model, grid, cv=2).fit(X)
print("lr   ", grid["contrastiveclustering__lr"])
print("score", search.cv_results_["mean_test_score"].round(3).tolist())
print("best ", search.best_params_["contrastiveclustering__lr"])

# %%
# To compare pipelines that differ in what comes before the clusterer, or with k-means, give
# :func:`~skdeepcluster.metrics.view_agreement_score` as ``scoring``: it makes its views of the
# images as the pipeline gets them. :doc:`/judging` says how far such scores can be trusted.

# %%
# A search with labels
# --------------------
# If you have labels, any clustering metric will do. Here it says the same as the score.

search = GridSearchCV(model, grid, cv=2, scoring=make_scorer(clustering_accuracy_score)).fit(X, y)
print("lr ", grid["contrastiveclustering__lr"])
print("ACC", search.cv_results_["mean_test_score"].round(3).tolist())
