"""Scaling against plain numpy, in chunks and at the extremes."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from skdeepcluster.data import samples as samples_module
from skdeepcluster.data import scaling as scaling_module
from skdeepcluster.data.reading_ahead import copy_to
from skdeepcluster.data.samples import read_samples
from skdeepcluster.data.scaling import Scaling
from skdeepcluster.data.source import ResidentSource

CPU = torch.device("cpu")


@pytest.mark.parametrize("dtype", [np.uint8, np.float32, np.float64, np.int16])
@pytest.mark.parametrize("shape", [(30, 5, 4), (30, 5, 4, 3)])
def test_standardised_images_have_zero_mean_and_unit_spread(dtype, shape):
    X = np.random.default_rng(0).integers(10, 200, shape).astype(dtype)
    samples = read_samples(X)
    scaling = Scaling.learn(samples)
    unit = scaling.on(CPU).unit(scaling.to_device(samples.batch(0, 30), CPU))
    final = scaling.on(CPU).standardise(unit)
    axes = (0, 2, 3)
    assert final.dtype == torch.float32
    torch.testing.assert_close(final.mean(axes), torch.zeros(final.shape[1]), atol=1e-5, rtol=0)
    spread = final.std(axes, correction=0)
    torch.testing.assert_close(spread, torch.ones(final.shape[1]), atol=1e-5, rtol=0)
    assert float(unit.min()) == 0
    assert float(unit.max()) == pytest.approx(1)


@pytest.mark.parametrize("dtype", [np.uint8, np.float32, np.float64, np.int16])
def test_vectors_are_centred_and_scaled_as_a_whole(dtype):
    X = (np.random.default_rng(0).random((30, 6)) * [1, 5, 20, 100, 7, 0] + 20).astype(dtype)
    samples = read_samples(X)
    scaling = Scaling.learn(samples)
    maps = scaling.on(CPU)
    found = maps.standardise(maps.unit(scaling.to_device(samples.batch(0, 30), CPU)))
    centred = X - X.mean(0, dtype=float)
    expected = centred / np.sqrt(X.var(0, dtype=float).mean())
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_chunks_give_the_moments_of_the_whole(monkeypatch):
    X = np.random.default_rng(0).normal(1e6, 3, (50, 4))
    whole = Scaling.learn(read_samples(X))
    monkeypatch.setattr("skdeepcluster.data.samples.CHUNK_BYTES", 8 * 4 * 7)
    chunked = Scaling.learn(read_samples(X))
    np.testing.assert_allclose(chunked.factor, whole.factor, rtol=1e-6)
    spread = np.sqrt(X.var(0).mean())
    np.testing.assert_allclose(chunked.factor, 1 / spread, rtol=1e-5)
    np.testing.assert_allclose(chunked.shift, (X.mean(0) - X.min(0)) / spread, rtol=1e-5)


def test_equal_values_of_any_dtype_are_bit_equal_on_the_device():
    X = np.random.default_rng(0).integers(3, 250, (40, 6, 5), dtype=np.uint8)
    expected = None
    for form in (X, X.astype(float), X.astype(np.float16), X.astype(np.int64), torch.tensor(X)):
        samples = read_samples(form)
        source = ResidentSource(samples, Scaling.learn(samples), CPU)
        (_, batch) = next(source.batches(torch.arange(40)[None]))
        expected = batch if expected is None else expected
        assert torch.equal(batch, expected)
    assert source.device == CPU
    assert len(source) == 40


@pytest.mark.parametrize("value", [0.0, -7.5, 1e30])
def test_constant_samples_stay_finite(value):
    for shape in [(5, 3, 3), (5, 3)]:
        samples = read_samples(np.full(shape, value))
        scaling = Scaling.learn(samples)
        maps = scaling.on(CPU)
        batch = maps.standardise(maps.unit(scaling.to_device(samples.batch(0, 5), CPU)))
        assert torch.equal(batch, torch.zeros_like(batch))


@pytest.mark.parametrize("shape", [(9, 4, 3), (9, 6, 5, 3), (9, 4)])
@pytest.mark.parametrize("value", [1e37, -1e37, 255.0])
@pytest.mark.parametrize("scale", [0.0, 1e-25, 1.0])
def test_new_samples_do_not_overflow(shape, value, scale):
    scaling = Scaling.learn(read_samples(scale * np.random.default_rng(0).random(shape)))
    maps = scaling.on(CPU)
    for dtype in (np.float64, np.uint8) if value == 255 else (np.float64,):
        new = read_samples(np.full(shape, value, dtype=dtype)).batch(0, 9)
        batch = maps.standardise(maps.unit(scaling.to_device(new, CPU)))
        assert batch.abs().max() <= 1e6
        assert (batch.sign() == np.sign(value)).all()


@pytest.mark.parametrize("shape", [(5000, 2), (50, 100, 1)])
def test_the_bound_on_new_samples_leaves_training_samples_alone(shape):
    X = np.zeros(shape)
    X[7, 0] = 1.0
    samples = read_samples(X)
    scaling = Scaling.learn(samples)
    maps = scaling.on(CPU)
    batch = maps.standardise(maps.unit(scaling.to_device(samples.batch(0, len(X)), CPU)))
    expected = (X - X.mean(0)) / np.sqrt(X.var(0).mean())
    if len(shape) == 3:
        expected = ((X - X.mean()) / X.std())[:, None]
    np.testing.assert_allclose(batch, expected, rtol=1e-4, atol=1e-5)


def test_large_offsets_keep_their_digits():
    X = 1e9 + np.random.default_rng(0).normal(size=(100, 2))
    samples = read_samples(X)
    scaling = Scaling.learn(samples)
    batch = scaling.on(CPU).unit(scaling.to_device(samples.batch(0, 100), CPU))
    np.testing.assert_allclose(batch, (X - X.mean(0)) / np.sqrt(X.var(0).mean()), atol=1e-4)


def test_bytes_stay_bytes_and_nothing_is_written():
    X = np.random.default_rng(0).integers(0, 255, (20, 4, 4), dtype=np.uint8)
    before = X.copy()
    samples = read_samples(X)
    source = ResidentSource(samples, Scaling.learn(samples), CPU)
    assert source.data.dtype == torch.uint8
    source.data.zero_()
    np.testing.assert_array_equal(X, before)


def test_samples_are_taken_by_number():
    X = np.random.default_rng(0).random((20, 3))
    for form in (X, torch.tensor(X)):
        taken = read_samples(form).take(np.array([3, 1, 1]))
        np.testing.assert_array_equal(taken, X[[3, 1, 1]])


def test_a_network_trained_elsewhere_is_fed_as_it_was_trained():
    images = np.random.default_rng(0).integers(9, 200, (6, 5, 5, 3), dtype=np.uint8)
    mean, std = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
    for X in (images, (images / 255).astype(np.float32)):
        samples = read_samples(X)
        maps = Scaling.learn(samples, (mean, std)).on(torch.device("cpu"))
        fed = maps.standardise(maps.unit(samples.batch(0, 6)))
        expected = (images / 255 - mean) / std
        np.testing.assert_allclose(fed.permute(0, 2, 3, 1), expected, atol=1e-5)


def test_other_values_and_other_channels_are_brought_near_to_what_it_was_trained_with():
    images = np.random.default_rng(0).integers(0, 5000, (6, 4, 4), dtype=np.uint16)
    scaling = Scaling.learn(read_samples(images), ((0.2, 0.4, 0.6), (0.1, 0.2, 0.3)))
    np.testing.assert_allclose(1 / scaling.factor, images.max() - images.min(), rtol=1e-6)
    np.testing.assert_allclose([scaling.mean, scaling.spread], [[0.4], [0.2]], rtol=1e-6)


def test_of_very_many_samples_some_are_read(monkeypatch):
    X = np.random.default_rng(0).integers(0, 256, (4000, 8, 8), dtype=np.uint8)
    samples = read_samples(X)
    all_of_them = Scaling.learn(samples)
    monkeypatch.setattr(scaling_module, "ENOUGH", 500)
    monkeypatch.setattr(samples_module, "CHUNK_BYTES", 8 * 64 * 10)  # ten images
    read = []
    batch = type(samples).batch
    monkeypatch.setattr(
        type(samples), "batch", lambda *where: read.append(where[1]) or batch(*where)
    )
    some = Scaling.learn(samples)
    assert read == list(range(0, 4000, 56))
    np.testing.assert_allclose(some.mean, all_of_them.mean, atol=0.01)
    np.testing.assert_allclose(some.spread, all_of_them.spread, atol=0.01)


def test_pieces_are_spread_over_all_however_few_the_features(monkeypatch):
    monkeypatch.setattr(scaling_module, "ENOUGH", 2000)
    X = np.sort(np.random.default_rng(0).normal(size=(20_000, 2)), axis=0)
    assert Scaling.learn(read_samples(X)).factor == pytest.approx(1 / X.std(), rel=0.05)


def test_a_channel_that_hardly_varies_counts_as_constant():
    X = np.random.default_rng(0).integers(0, 256, (20, 8, 8, 4), dtype=np.uint8)
    X[..., 3] = 255
    constant = Scaling.learn(read_samples(X))
    X[0, 0, 0, 3] = 254
    assert constant.spread[3] == 1
    np.testing.assert_array_equal(Scaling.learn(read_samples(X)).spread, constant.spread)
    X[..., 3] = X[..., 0] // 16  # dim, but of note
    assert Scaling.learn(read_samples(X)).spread[3] < 0.1


@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_a_dead_and_a_hot_pixel_do_not_make_the_range(dtype, monkeypatch):
    X = np.random.default_rng(0).integers(120, 137, (400, 8, 8)).astype(dtype)
    expected = Scaling.learn(read_samples(X))
    X[0, 0, :2] = 0, 255
    monkeypatch.setattr("skdeepcluster.data.samples.CHUNK_BYTES", 1000)
    found = Scaling.learn(read_samples(X))
    assert (found.offset, found.factor) == (expected.offset, expected.factor)


def test_bright_spots_that_are_not_rare_stay_in_the_range():
    X = np.zeros((100, 8, 8), np.uint8)
    X[:, 3, 4] = 200
    assert Scaling.learn(read_samples(X)).factor == np.float32(1 / 200)


@pytest.mark.parametrize(("device", "waits"), [("cpu", True), ("cuda", False)])
def test_only_towards_a_gpu_a_copy_is_not_waited_for(device, waits):
    class Chunk:
        def to(self, device, non_blocking):
            return not non_blocking

    assert copy_to(Chunk(), torch.device(device)) == waits
