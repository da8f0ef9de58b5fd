"""
=================================
Write your own method in 50 lines
=================================

A deep clustering method is a trunk with heads, a loss, and an estimator that joins them. The
package does the rest: reading and augmenting the images, training, checkpoints, saving, and the
scikit-learn API. The method here is a simple one: an instance contrast as in SimCLR, and a softmax
head that should give both views of an image the same cluster and use all clusters equally.
"""

# %%
# The model
# ---------
# The model is what training leaves behind: it is pickled and saved, and `predict` and `transform`
# run it. It gets the trunk, which is already built, and adds two heads. `forward` takes a batch of
# standardised samples and returns an embedding of unit length and the logits of the clusters.
#
# Draw all weights from the generator that you are given, as :func:`~skdeepcluster.networks.mlp`
# does, so that they follow `random_state`.

import torch
from torch.nn import functional

from skdeepcluster.base import DeepClusterer
from skdeepcluster.losses import entropy_deficit, nt_xent, unit_vectors
from skdeepcluster.networks import Model, mlp
from skdeepcluster.training import Objective, Step


class ToyModel(Model):
    """Two heads on a trunk."""

    def __init__(self, backbone, n_features, generator, method):
        super().__init__(backbone)
        self.projector = mlp((n_features, method.embedding_dim), generator)
        self.classifier = mlp((n_features, method.n_clusters), generator)

    def forward(self, x):
        features = self.backbone(x)
        return unit_vectors(self.projector(features)), self.classifier(features)


# %%
# The objective
# -------------
# The objective trains the model and is thrown away afterwards. Each step has two halves. `forward`
# runs the networks on all views, possibly in half precision, and returns what the loss needs, one
# row for each view of each sample. `step` gets the same in float32 and returns the terms of the
# loss, whose sum is minimised, together with the logits and the embedding of one view of each
# sample, from which the history is made.


class ToyObjective(Objective):
    """Views of a sample are alike, and clusters are of even size."""

    def forward(self, batch):
        return self.model(torch.cat(batch.views))

    def step(self, outputs, batch):
        z, logits = outputs
        (z1, z2), (p1, p2) = z.chunk(2), functional.softmax(logits, dim=1).chunk(2)
        losses = {
            "instance": nt_xent(z1, z2, self.method.temperature),
            "agreement": 1 - (p1 * p2).sum(dim=1).mean(),
            "balance": entropy_deficit(p1, p2),
        }
        return Step(losses, logits[: len(z1)], z1)


# %%
# The estimator
# -------------
# The estimator joins the two. Its parameters are those that all methods share; the model and the
# objective read what they need from it, as `method`.


class ToyMethod(DeepClusterer):
    """SimCLR with a softmax head whose views should agree, on clusters of even size."""

    _model_class, _objective_class = ToyModel, ToyObjective


# %%
# Fit it
# ------
# This is a complete clusterer: it takes images of any size or vectors, works in pipelines and
# searches, can resume after an interruption, and can be saved. Fifteen epochs on scikit-learn's
# digits take less than a minute on one core. With so few of them, a short warm-up and small
# batches help; more epochs give better clusters.

from sklearn.datasets import load_digits

from skdeepcluster.metrics import clustering_accuracy_score

digits = load_digits()
model = ToyMethod(n_clusters=10, max_epochs=15, warmup_epochs=3, batch_size=128, random_state=0)
labels = model.fit_predict(digits.images)
print(f"accuracy after matching {clustering_accuracy_score(digits.target, labels):.3f}")

# %%
# The terms of the loss are in the history, under the names that `step` gave them.

print({name: round(value, 3) for name, value in model.history_[-1].items() if "loss" in name})

# %%
# Look at the clusters
# --------------------
# One row per cluster, with its number and its size; the most certain members are on the left.

from skdeepcluster.plotting import ClusterGalleryDisplay

ClusterGalleryDisplay.from_estimator(model, digits.images)

# %%
# :doc:`/own_method` says what else a method may do: parameters of its own, noise, queues and second
# networks, and a look at all samples between epochs.
