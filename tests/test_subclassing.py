"""Shipped estimators as bases of others."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
import torch
from saved import load_quietly
from sklearn.base import clone
from torch import nn
from toy_method import ToyMethod, ToyModel, ToyObjective

from skdeepcluster import ContrastiveClustering, ProPos
from skdeepcluster.augmentation import VectorAugmentation

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


class Longer(ContrastiveClustering):
    """One parameter more, and few of the others."""

    def __init__(self, n_clusters=2, *, patience=3, random_state=0):
        super().__init__(n_clusters, max_epochs=patience, random_state=random_state)
        self.patience = patience


class Narrow(ProPos):
    """A parameter less, and another default."""

    def __init__(self, n_clusters=2, *, max_epochs=1, random_state=0):
        super().__init__(
            n_clusters, max_epochs=max_epochs, embedding_dim=5, random_state=random_state
        )


@pytest.mark.parametrize("Class", [Longer, Narrow])
def test_a_subclass_with_its_own_parameters_is_an_estimator(Class, rows, tmp_path):
    model = clone(Class()).set_params(n_clusters=3).fit(rows)
    assert set(model.get_params()) == set(Class().get_params())
    assert model.n_epochs_ == Class().max_epochs
    model.save(tmp_path / "model")
    for again in (pickle.loads(pickle.dumps(model)), load_quietly(tmp_path / "model")):
        assert again.get_params() == model.get_params()
        np.testing.assert_array_equal(again.transform(rows), model.transform(rows))


def test_a_subclass_gives_what_its_base_gives(rows):
    base = ContrastiveClustering(2, max_epochs=3, random_state=0).fit(rows)
    np.testing.assert_array_equal(Longer().fit(rows).transform(rows), base.transform(rows))


class Pairs(ContrastiveClustering):
    """Two clusters of small images, whatever it is asked for."""

    def __init__(self, *, max_epochs=1, random_state=0, device="auto"):
        super().__init__(
            2,
            max_epochs=max_epochs,
            image_size=6,
            precision="bfloat16",
            random_state=random_state,
            device=device,
        )


def test_what_a_subclass_fixes_holds_after_the_fit_too(tmp_path):
    images = np.random.default_rng(0).integers(0, 256, (40, 12, 12), dtype=np.uint8)
    model = Pairs().fit(images)
    model.save(tmp_path / "model")
    for each in (model, pickle.loads(pickle.dumps(model)), load_quietly(tmp_path / "model")):
        assert each._model.input_shape == (1, 6, 6)
        assert each._model.dtype == torch.bfloat16
        assert each._model.n_clusters == 2
        np.testing.assert_array_equal(each.predict(images), model.labels_)
    model.warm_start = True
    assert model.fit(images).n_epochs_ == 2


class Any(ContrastiveClustering):
    """Always counts."""

    def __init__(self, *, max_epochs=1, random_state=0, device="auto"):
        super().__init__("auto", max_epochs=max_epochs, random_state=random_state, device=device)


def test_a_number_that_was_found_has_a_place_in_the_file(rows, tmp_path):
    model = Any().fit(rows)
    with pytest.raises(ValueError, match="must be a parameter of Any to be saved"):
        model.save(tmp_path / "model")
    assert not (tmp_path / "model").exists()


class Swapping(VectorAugmentation):
    """Does not let its caller choose neighbours."""

    def __init__(self, mask_probability=0.3):
        super().__init__(mask_probability=mask_probability)


def test_an_augmentation_without_the_parameter_of_its_base(rows):
    model = ContrastiveClustering(3, augmentation=Swapping(), max_epochs=1, random_state=0)
    assert np.isfinite(model.fit(rows).view_agreement_)


class DroppingModel(ToyModel):
    """Draws as layers of torch do."""

    def __init__(self, *parts):
        super().__init__(*parts)
        self.drop = nn.Dropout(0.5)

    def forward(self, x):
        return super().forward(self.drop(x))


class CountingObjective(ToyObjective):
    """Keeps more labels than there are clusters, and places that may be empty."""

    def __init__(self, *parts):
        super().__init__(*parts)
        n = self.schedule.n_samples
        self.register_buffer("labels", torch.zeros(n, dtype=torch.long))
        self.register_buffer("places", torch.zeros(n, dtype=torch.long))

    def start_epoch(self, epoch, training_set):
        self.labels.copy_(torch.arange(len(self.labels)) % 20)
        self.places.fill_(-1)


class OwnParts(ToyMethod):
    """A method of which every part is the caller's."""

    _model_class, _objective_class = DroppingModel, CountingObjective


def test_a_method_may_draw_as_torch_does_and_keep_what_numbers_it_likes(rows, tmp_path):
    state = torch.get_rng_state()
    settings = {"n_clusters": 3, "max_epochs": 2, "random_state": 0}
    first, second = (OwnParts(**settings).fit(rows) for _ in range(2))
    np.testing.assert_array_equal(first.transform(rows), second.transform(rows))
    assert torch.equal(torch.get_rng_state(), state)
    for _ in range(2):  # the second time, from what the first has kept
        kept = OwnParts(**settings, checkpoint_dir=tmp_path).fit(rows)
    np.testing.assert_array_equal(kept.transform(rows), first.transform(rows))
