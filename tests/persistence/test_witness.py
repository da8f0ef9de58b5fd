"""A file that an earlier version wrote: later versions still read it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from skdeepcluster import ContrastiveClustering, load

FILE = Path(__file__).parent / "data" / "format-1.safetensors"
X = np.arange(120.0).reshape(30, 4) % 7


@pytest.mark.filterwarnings("ignore:The model was saved with:UserWarning")
def test_the_first_file_of_format_1_is_read():
    model = load(FILE)
    assert type(model) is ContrastiveClustering
    assert (model.n_clusters, model.embedding_dim, model.n_epochs_) == (3, 4, 2)
    assert [entry["epoch"] for entry in model.history_] == [1, 2]
    np.testing.assert_array_equal(model.predict(X), model.labels_)
    means = [model.transform(X)[model.labels_ == k].mean(axis=0) for k in range(model.n_clusters_)]
    directions = means / np.linalg.norm(means, axis=1, keepdims=True)
    np.testing.assert_allclose(directions, model.cluster_centers_, atol=1e-5)
