"""`image_size`: networks see smaller images, users go on with the ones they have."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from comparing import assert_same_fit

from skdeepcluster import ContrastiveClustering, load
from skdeepcluster.data.resizing import resize, resized_shape

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


@pytest.mark.parametrize(
    ("shape", "image_size", "expected"),
    [
        ((3, 64, 64), 32, (3, 32, 32)),
        ((1, 100, 50), 25, (1, 50, 25)),
        ((1, 31, 97), 10, (1, 10, 31)),
        ((3, 64, 64), 64, (3, 64, 64)),
        ((3, 8, 200), 16, (3, 8, 200)),
        ((3, 64, 64), np.int8(32), (3, 32, 32)),
        ((3, 64, 64), None, (3, 64, 64)),
        ((500,), 10, (500,)),
    ],
)
def test_the_shorter_side_is_reduced_and_the_ratio_kept(shape, image_size, expected):
    assert resized_shape(shape, image_size) == expected


def test_halving_keeps_what_is_smooth_and_averages_what_is_not():
    ramp = torch.arange(16.0).expand(1, 1, 16, 16)
    inner = resize(ramp, (1, 8, 8))[0, 0, :, 1:-1]
    torch.testing.assert_close(inner, (torch.arange(8.0) * 2 + 0.5)[1:-1].expand(8, 6))
    board = (torch.arange(16)[:, None] + torch.arange(16)).fmod(2).float()
    grey = resize(board.expand(2, 3, 16, 16), (3, 8, 8))
    torch.testing.assert_close(grey[..., 1:-1, 1:-1], torch.full((2, 3, 6, 6), 0.5))


def test_what_has_the_shape_is_not_touched():
    batch = torch.rand(2, 1, 5, 7)
    assert resize(batch, (1, 5, 7)) is batch


def test_networks_see_the_smaller_images(quick, photos, tmp_path):
    seen = []

    def look(batch):
        seen.append(batch.shape)
        return batch

    model = quick(image_size=5, augmentation=look).fit(photos)
    assert {shape[1:] for shape in seen} == {(3, 5, 6)}
    assert model.image_shape_ == (3, 10, 12)
    np.testing.assert_array_equal(model.predict(photos), model.labels_)
    path = tmp_path / "model"
    model.set_params(augmentation="auto").fit(photos).save(path)
    np.testing.assert_array_equal(load(path).transform(photos), model.transform(photos))
    with pytest.raises(ValueError, match=r"\(3, 5, 6\)"):
        model.predict(photos[:, ::2, ::2])


@pytest.mark.parametrize("dtype", [np.uint8, np.float64])
def test_kept_and_streamed_samples_train_alike(photos, monkeypatch, dtype):
    model = ContrastiveClustering(3, image_size=6, max_epochs=2, batch_size=12, random_state=0)
    kept = ContrastiveClustering(**model.get_params()).fit(photos)
    monkeypatch.setattr("skdeepcluster.data.source.CPU_BUDGET_BYTES", 0)
    assert_same_fit(model.fit(photos.astype(dtype)), kept, photos)


def test_a_size_above_the_images_changes_nothing(quick, digits):
    assert_same_fit(quick(image_size=8).fit(digits), quick().fit(digits), digits)


def test_vectors_have_no_size(quick, rows):
    with pytest.raises(ValueError, match=r"image_size=8 is for images; X holds vectors of 16"):
        quick(image_size=8).fit(rows)


def test_a_warm_start_keeps_its_size(quick, digits):
    model = quick(image_size=6, warm_start=True).fit(digits)
    with pytest.raises(ValueError, match="image_size was 6, is 5"):
        model.set_params(image_size=5).fit(digits)
