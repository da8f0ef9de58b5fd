"""k-means against scikit-learn and a slow loop; starts, empty clusters, duplicates, spheres."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from sklearn.cluster import KMeans
from sklearn.datasets import load_digits, make_blobs
from sklearn.metrics import adjusted_rand_score
from torch import Tensor
from torch.overrides import TorchFunctionMode

from skdeepcluster.clustering.kmeans import KMeansResult, kmeans
from skdeepcluster.clustering.precision import widest


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def draw(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=generator(seed))


def slow_lloyd(x: np.ndarray, centers: np.ndarray, n_iter: int) -> tuple[np.ndarray, np.ndarray]:
    """Return centres and labels after some updates without empty clusters, in float64."""

    def nearest() -> np.ndarray:
        return np.array([np.argmin([((row - c) ** 2).sum() for c in centers]) for row in x])

    for _ in range(n_iter):
        labels = nearest()
        centers = np.array([x[labels == k].mean(axis=0) for k in range(len(centers))])
    return centers, nearest()


def check_consistency(x: Tensor, result: KMeansResult) -> None:
    """Types are as promised, labels are nearest, inertia fits labels and centres."""
    assert result.centers.dtype == torch.float32 and result.labels.dtype == torch.int64
    assert isinstance(result.inertia, float) and isinstance(result.n_iter, int)
    assert result.centers.isfinite().all()
    distances = torch.cdist(x.double(), result.centers.double()).square()
    own = distances.gather(1, result.labels[:, None])[:, 0]
    spread = x.double().square().sum(1).max()
    assert (own - distances.amin(1) <= 1e-5 * spread).all()
    assert result.inertia == pytest.approx(own.sum().item(), rel=1e-4, abs=1e-4)


DATA = {
    "blobs": make_blobs(600, 5, centers=6, random_state=0)[0],
    "touching": make_blobs(500, 3, centers=4, cluster_std=4.0, random_state=1)[0],
    "digits": load_digits().data,
}


@pytest.mark.parametrize("name", DATA)
def test_inertia_is_that_of_sklearn(name: str) -> None:
    x = DATA[name].astype(np.float32)
    result = kmeans(torch.from_numpy(x), 10, n_init=8, generator=generator())
    expected = KMeans(10, n_init=8, random_state=0).fit(x)
    assert result.inertia <= 1.01 * expected.inertia_
    check_consistency(torch.from_numpy(x), result)


@pytest.mark.parametrize(("name", "n_iter"), [("blobs", 1), ("touching", 5), ("digits", 2)])
def test_updates_equal_the_loop(name: str, n_iter: int) -> None:
    x = DATA[name][:300].astype(np.float32)
    result = kmeans(torch.from_numpy(x), 4, init=torch.from_numpy(x[:4]), max_iter=n_iter, tol=0)
    centers, labels = slow_lloyd(x.astype(np.float64), x[:4].astype(np.float64), result.n_iter)
    np.testing.assert_allclose(result.centers.numpy(), centers, rtol=1e-4, atol=1e-4)
    np.testing.assert_array_equal(result.labels.numpy(), labels)


@pytest.mark.parametrize(("chunk_size", "spherical"), [(1, False), (7, True), (64, False)])
def test_chunks_do_not_matter(chunk_size: int, spherical: bool) -> None:
    x = draw(200, 6)
    settings = {"spherical": spherical, "init": x[:5], "max_iter": 20}
    result = kmeans(x, 5, chunk_size=chunk_size, **settings)
    expected = kmeans(x, 5, **settings)
    assert torch.equal(result.labels, expected.labels) and result.n_iter == expected.n_iter
    torch.testing.assert_close(result.centers, expected.centers)


def test_converged_centers_are_the_means() -> None:
    x = draw(300, 4)
    result = kmeans(x, 6, tol=0, generator=generator())
    assert 1 < result.n_iter < 300
    for k in range(6):
        mean = x[result.labels == k].mean(0)
        torch.testing.assert_close(result.centers[k], mean, rtol=1e-4, atol=1e-5)


def test_a_large_tolerance_stops_early() -> None:
    x = draw(300, 4)
    counts = [kmeans(x, 6, tol=tol, generator=generator()).n_iter for tol in (0.0, 0.3, 1e9)]
    assert counts[0] > counts[1] > counts[2] == 1


def test_more_starts_are_never_worse() -> None:
    x = torch.from_numpy(DATA["digits"]).float()[:400]
    inertias = [kmeans(x, 10, n_init=n, generator=generator()).inertia for n in (1, 3, 6)]
    assert inertias == sorted(inertias, reverse=True) and inertias[2] < inertias[0]


@pytest.mark.parametrize("spherical", [False, True])
def test_the_best_start_by_a_score(spherical: bool) -> None:
    x, shared = draw(150, 4) + 2, generator()
    starts = [kmeans(x, 9, spherical=spherical, generator=shared) for _ in range(12)]
    scores = [float(start.centers[:, 0].max()) for start in starts]
    best = kmeans(
        x,
        9,
        n_init=12,
        score=lambda centers: float(centers[:, 0].max()),
        spherical=spherical,
        generator=generator(),
    )
    assert torch.equal(best.centers, starts[int(np.argmax(scores))].centers)
    assert best.inertia > min(start.inertia for start in starts)


def test_the_first_start_is_warm() -> None:
    x = torch.from_numpy(DATA["blobs"]).float()
    cold = kmeans(x, 6, n_init=5, generator=generator())
    warm = kmeans(x, 6, init=cold.centers)
    assert warm.n_iter == 1 and torch.equal(warm.labels, cold.labels)
    poor = x[:1] + 0.01 * draw(6, 5)
    alone = kmeans(x, 6, init=poor, max_iter=3)
    helped = kmeans(x, 6, init=poor, max_iter=3, n_init=5, generator=generator())
    assert helped.inertia < alone.inertia
    assert kmeans(x, 6, init=cold.centers, n_init=3, max_iter=1).inertia <= cold.inertia


def test_an_empty_cluster_restarts_at_the_farthest_sample() -> None:
    x = torch.tensor([[0.0], [1.0], [2.0], [10.0]])
    result = kmeans(x, 2, init=torch.tensor([[1.0], [100.0]]), max_iter=1)
    assert result.centers[:, 0].tolist() == [3.25, 10.0] and result.labels.tolist() == [0, 0, 0, 1]
    result = kmeans(x, 2, init=torch.tensor([[1.0], [100.0]]))
    assert result.centers[:, 0].tolist() == pytest.approx([1, 10], abs=1e-5)


@pytest.mark.parametrize("spherical", [False, True])
def test_several_empty_clusters_are_all_filled(spherical: bool) -> None:
    x = draw(100, 3)
    init = torch.cat([x[:2], 50 + draw(4, 3)])
    result = kmeans(x, 6, spherical=spherical, init=init)
    assert len(result.labels.unique()) == 6


@pytest.mark.parametrize("spherical", [False, True])
@pytest.mark.parametrize(("n_distinct", "k"), [(1, 4), (3, 20)])
def test_fewer_distinct_samples_than_clusters(n_distinct: int, k: int, spherical: bool) -> None:
    x = draw(n_distinct, 3).repeat(10, 1)[: max(k, 9)]
    result = kmeans(x, k, spherical=spherical, n_init=2, generator=generator())
    assert result.centers.isfinite().all()
    assert result.inertia == pytest.approx(0, abs=1e-6) and result.n_iter < 10
    assert len(result.labels.unique()) == n_distinct


def test_all_samples_zero() -> None:
    for spherical in (False, True):
        result = kmeans(torch.zeros(6, 2), 3, spherical=spherical, generator=generator())
        assert result.centers.isfinite().all() and result.inertia == 0


@pytest.mark.parametrize("n", [1, 5])
def test_as_many_clusters_as_samples(n: int) -> None:
    result = kmeans(draw(n, 3), n, generator=generator())
    assert sorted(result.labels.tolist()) == list(range(n))
    assert result.inertia == pytest.approx(0, abs=1e-6)


def test_one_cluster_is_the_mean() -> None:
    x = draw(50, 3)
    result = kmeans(x, 1, generator=generator())
    torch.testing.assert_close(result.centers[0], x.mean(0))
    assert (result.labels == 0).all()


def test_far_from_the_origin_keeps_its_digits() -> None:
    x = torch.from_numpy(DATA["blobs"]).float()
    near = kmeans(x, 6, n_init=3, generator=generator())
    far = kmeans(x + 1000, 6, n_init=3, generator=generator())
    assert torch.equal(far.labels, near.labels)
    assert far.inertia == pytest.approx(near.inertia, rel=1e-3)


def test_spherical_goes_by_the_cosine() -> None:
    x = draw(200, 4)
    lengths = draw(200, 1, seed=1).exp()
    result = kmeans(x, 5, spherical=True, generator=generator())
    scaled = kmeans(x * lengths, 5, spherical=True, generator=generator())
    torch.testing.assert_close(result.centers.norm(dim=1), torch.ones(5))
    assert torch.equal(scaled.labels, result.labels)
    unit = x / x.norm(dim=1, keepdim=True)
    cosine = unit @ result.centers.T
    assert torch.equal(cosine.argmax(1), result.labels)
    assert result.inertia == pytest.approx((2 - 2 * cosine.amax(1)).sum().item(), rel=1e-4)


def test_spherical_update_equals_the_loop() -> None:
    x = draw(80, 3)
    result = kmeans(x, 4, spherical=True, init=7 * x[:4], max_iter=1)
    unit = (x / x.norm(dim=1, keepdim=True)).double().numpy()
    first = np.argmax(unit @ unit[:4].T, axis=1)
    sums = np.array([unit[first == k].sum(axis=0) for k in range(4)])
    centers = sums / np.linalg.norm(sums, axis=1, keepdims=True)
    np.testing.assert_allclose(result.centers.numpy(), centers, atol=1e-5)
    np.testing.assert_array_equal(result.labels.numpy(), np.argmax(unit @ centers.T, axis=1))


def test_same_seed_same_result_and_the_input_and_global_state_are_left_alone() -> None:
    x = draw(300, 4).requires_grad_()
    before, state = x.detach().clone(), torch.get_rng_state()
    first, second, other = (kmeans(x, 7, generator=generator(seed)) for seed in (0, 0, 1))
    assert torch.equal(first.centers, second.centers) and torch.equal(first.labels, second.labels)
    assert not torch.equal(first.centers, other.centers)
    assert torch.equal(x, before) and torch.equal(torch.get_rng_state(), state)
    assert not first.centers.requires_grad


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16, torch.float16])
def test_other_dtypes_are_computed_in_float32(dtype: torch.dtype) -> None:
    x = draw(100, 3).to(dtype)
    result = kmeans(x, 4, init=x[:4])
    expected = kmeans(x.float(), 4, init=x[:4].float())
    assert result.centers.dtype == torch.float32
    assert torch.equal(result.centers, expected.centers)


@pytest.mark.parametrize(("shape", "k"), [((3, 2), 4), ((0, 2), 1), ((5,), 2), ((3, 2), 0)])
def test_impossible_requests_are_refused(shape: tuple[int, ...], k: int) -> None:
    with pytest.raises(ValueError, match=f"n_clusters={k}"):
        kmeans(torch.zeros(shape), k)


class NoFloat64(TorchFunctionMode):
    """Torch on a device that knows no float64, as MPS."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        found = func(*args, **(kwargs or {}))
        assert not (isinstance(found, Tensor) and found.dtype == torch.float64), func
        return found


def test_devices_without_float64(monkeypatch: pytest.MonkeyPatch) -> None:
    x, _ = make_blobs(400, centers=5, n_features=6, random_state=0)
    expected = kmeans(torch.from_numpy(x).float(), 5, n_init=5, generator=generator())
    for module in ("kmeans", "partition", "seeding"):
        where = f"skdeepcluster.clustering.{module}.widest"
        monkeypatch.setattr(where, lambda device: widest(torch.device("mps")))
    with NoFloat64():
        rows = torch.from_numpy(x.astype(np.float32))
        found = kmeans(rows, 5, n_init=5, generator=generator())  # from other starts
    assert adjusted_rand_score(found.labels, expected.labels) == 1
    assert found.inertia == pytest.approx(expected.inertia, rel=1e-5)


def test_an_init_of_another_shape_is_refused() -> None:
    with pytest.raises(ValueError, match=r"init must have shape \(2, 3\)"):
        kmeans(draw(5, 3), 2, init=draw(3, 3))
