"""Inference in batches: as large as memory allows, and the same whatever it allows."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from torch import nn
from trainings import trainer_of

from skdeepcluster import ContrastiveClustering
from skdeepcluster.data.samples import read_samples
from skdeepcluster.data.scaling import Scaling
from skdeepcluster.data.source import ResidentSource, StreamedSource
from skdeepcluster.networks.model import Model
from skdeepcluster.training.inference import batch_size_of, infer_batches, is_out_of_memory

ERRORS = [
    torch.cuda.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB."),
    MemoryError("Unable to allocate 2.00 GiB"),
    RuntimeError("[enforce fail at alloc_cpu.cpp] DefaultCPUAllocator: can't allocate memory"),
    RuntimeError("MPS backend out of memory"),
    RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"),
]
KINDS = ["cuda", "host", "cpu allocator", "mps", "cublas"]


class Scarce:
    """Lets a model take so many samples at a time, and fail for more; notes what it is asked."""

    def __init__(self, forward, largest, error):
        self.forward, self.largest, self.error, self.sizes = forward, largest, error, []

    def __call__(self, model, x):
        self.sizes.append(len(x))
        if len(x) > self.largest:
            raise self.error
        return self.forward(model, x)


def make_scarce(monkeypatch, Estimator, largest, error=ERRORS[0]):
    """Give the networks of a method little memory."""
    probe = Estimator(n_clusters=2, max_epochs=1).fit(np.eye(4))
    model = type(probe._model.model)
    scarce = Scarce(model.forward, largest, error)
    monkeypatch.setattr(model, "forward", lambda self, x: scarce(self, x))
    return scarce


class Rows(Model):
    """Stands for a model: what it returns tells its input."""

    def __init__(self):
        super().__init__(nn.Identity())

    def forward(self, x):
        return x.double(), -x


def inferred(source, sizes=(7, 7, 2)):
    """Infer over 16 samples in batches."""
    batches = torch.arange(16.0).view(16, 1).split(sizes)
    maps = Scaling.learn(read_samples(np.eye(16))).on(torch.device("cpu"))
    return list(infer_batches(source, batches, maps, None))


@pytest.mark.parametrize("error", ERRORS, ids=KINDS)
@pytest.mark.parametrize(
    ("largest", "expected"),
    [
        (7, [7, 7, 2]),
        (6, [7, 3, 3, 1, 3, 3, 1, 2]),
        (2, [7, 3, 1, *[1] * 15]),
        (1, [7, 3, 1, *[1] * 15]),
    ],
)
def test_batches_are_halved_until_they_fit(monkeypatch, error, largest, expected):
    scarce = Scarce(Rows.forward, largest, error)
    monkeypatch.setattr(Rows, "forward", lambda self, x: scarce(self, x))
    pairs = inferred(Rows())
    embedding, logits = (torch.cat(parts) for parts in zip(*pairs, strict=True))
    assert scarce.sizes == expected
    assert embedding.dtype == torch.float32
    torch.testing.assert_close(embedding.flatten(), torch.arange(16.0), rtol=0, atol=0)
    torch.testing.assert_close(logits, -embedding, rtol=0, atol=0)


@pytest.mark.parametrize("error", ERRORS, ids=KINDS)
def test_a_single_sample_that_does_not_fit_is_an_error(monkeypatch, error):
    scarce = Scarce(Rows.forward, 0, error)
    monkeypatch.setattr(Rows, "forward", lambda self, x: scarce(self, x))
    with pytest.raises(type(error)) as caught:
        inferred(Rows())
    assert caught.value is error
    assert scarce.sizes == [7, 3, 1]


@pytest.mark.parametrize(
    "error", [RuntimeError("size mismatch"), ValueError("no"), KeyboardInterrupt()]
)
def test_other_errors_are_raised_at_once(monkeypatch, error):
    scarce = Scarce(Rows.forward, 0, error)
    monkeypatch.setattr(Rows, "forward", lambda self, x: scarce(self, x))
    with pytest.raises(type(error)):
        inferred(Rows())
    assert scarce.sizes == [7]


def test_real_shortages_are_recognised():
    for allocate in (torch.empty, np.empty):
        with pytest.raises((RuntimeError, MemoryError)) as caught:
            allocate(2**55)
        assert is_out_of_memory(caught.value)
    assert not is_out_of_memory(RuntimeError("shape '[2]' is invalid"))
    assert not is_out_of_memory(ValueError("can't allocate memory"))


@pytest.mark.parametrize(("kind", "largest"), [("images", 7), ("vectors", 1)])
def test_little_memory_changes_no_result(quick, Estimator, digits, monkeypatch, kind, largest):
    X = digits if kind == "images" else digits.reshape(len(digits), -1)
    model = quick().fit(X)
    scarce = make_scarce(monkeypatch, Estimator, largest)
    np.testing.assert_array_equal(model.predict(X), model.labels_)
    assert max(scarce.sizes) == 60
    fitted = quick().fit(X)
    np.testing.assert_array_equal(fitted.labels_, model.labels_)
    np.testing.assert_allclose(fitted.transform(X), model.transform(X), rtol=0, atol=1e-5)
    scarce.largest = 0
    with pytest.raises(torch.cuda.OutOfMemoryError):
        model.transform(X)
    scarce.largest = 60
    np.testing.assert_array_equal(model.predict(X), model.labels_)


def test_threads_short_of_memory_agree(digits, monkeypatch):
    X = digits.reshape(len(digits), -1)
    model = ContrastiveClustering(n_clusters=3, max_epochs=2, random_state=0).fit(X)
    make_scarce(monkeypatch, ContrastiveClustering, 9)
    expected = model.transform(X)
    with ThreadPoolExecutor(8) as pool:
        for result in pool.map(lambda _: model.transform(X), range(16)):
            np.testing.assert_array_equal(result, expected)


@pytest.mark.parametrize("source_class", [ResidentSource, StreamedSource])
def test_sources_embed_all_samples_in_order_with_little_memory(monkeypatch, source_class, digits):
    monkeypatch.setattr("skdeepcluster.fitting.building.open_source", source_class)
    model = ContrastiveClustering(n_clusters=3, max_epochs=2, random_state=0)
    trainer = trainer_of(model, digits)
    expected = trainer.training_set.embed_all()
    make_scarce(monkeypatch, ContrastiveClustering, 11)
    torch.testing.assert_close(trainer.training_set.embed_all(), expected, rtol=0, atol=1e-5)


@pytest.mark.parametrize(
    ("shape", "size"), [((1, 8, 8), 512), ((3, 224, 224), 6), ((3, 4096, 4096), 1), ((5,), 512)]
)
def test_large_samples_go_in_small_batches(shape, size):
    assert batch_size_of(shape) == size
