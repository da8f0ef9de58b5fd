"""A fitted estimator as a module: it gives what the estimator gives, and stands alone."""

from __future__ import annotations

import io

import numpy as np
import pytest
import torch
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skdeepcluster import CLC, ContrastiveClustering, ProPos
from skdeepcluster.serving import as_module
from skdeepcluster.serving.module import _less_whole

KINDS = (
    "grey bytes",
    "grey booleans",
    "grey integers",
    "colours last",
    "colours first",
    "floats",
    "flattened",
    "resized",
    "vectors",
    "vectors of doubles",
    "empty clusters",
)


def _assert_same(result, model, X):
    """Compare a module's results with the estimator's; both may batch in their own way."""
    assert list(result) == ["labels", "probabilities", "embedding"]
    labels, probabilities, embedding = (value.numpy() for value in result.values())
    assert (labels.dtype, probabilities.dtype) == (np.int64, np.float32)
    expected = model.predict_proba(X)
    np.testing.assert_allclose(probabilities, expected, atol=1e-5)
    np.testing.assert_allclose(embedding, model.transform(X), atol=1e-5)
    np.testing.assert_array_equal(labels, expected.argmax(axis=1))


@pytest.mark.parametrize("kind", KINDS)
def test_samples_are_taken_as_the_user_holds_them(model_of, kind):
    model, X = model_of(kind)
    _assert_same(as_module(model)(torch.tensor(X)), model, X)


def test_every_method_becomes_a_module(model_of, Estimator):
    model, X = model_of("grey bytes", Estimator)
    _assert_same(as_module(model)(torch.tensor(X)), model, X)


def test_clusters_without_members_do_not_appear(model_of):
    model, X = model_of("empty clusters")
    probabilities = as_module(model)(torch.tensor(X))["probabilities"]
    assert 1 < probabilities.shape[1] == model.n_clusters_ < model.n_clusters


def test_one_module_takes_the_layouts_and_dtypes_that_predict_takes(model_of):
    model, X = model_of("colours last")
    network, images = as_module(model), torch.tensor(X)
    expected = network(images)["embedding"]
    for form in (images.movedim(3, 1), images.float(), images.double(), images.int()):
        assert torch.equal(network(form)["embedding"], expected)
    with torch.no_grad():
        half = network(images.half())["embedding"]
    assert torch.equal(half, expected)


def test_doubles_far_from_zero_keep_their_differences():
    X = np.random.default_rng(0).normal(size=(60, 3)) + 1e9
    model = ContrastiveClustering(3, max_epochs=1, random_state=0, device="cpu").fit(X)
    _assert_same(as_module(model)(torch.tensor(X)), model, X)


def test_the_module_stands_alone(model_of):
    model, X = model_of("grey bytes")
    before = model.transform(X[:5])
    network = as_module(model)
    assert not network.training
    for value in network.parameters():
        assert not value.requires_grad
        value.zero_()
    np.testing.assert_array_equal(model.transform(X[:5]), before)


def test_gradients_reach_the_samples(model_of):
    model, X = model_of("floats")
    images = torch.tensor(X[:2], requires_grad=True)
    as_module(model)(images)["probabilities"][:, 0].sum().backward()
    assert images.grad.abs().sum() > 0


def test_the_module_is_saved_as_any_other(model_of):
    model, X = model_of("vectors")
    file = io.BytesIO()
    torch.save(as_module(model), file)
    file.seek(0)
    _assert_same(torch.load(file, weights_only=False)(torch.tensor(X)), model, X)


def test_the_program_that_torch_exports_takes_any_number_of_samples(model_of):
    model, X = model_of("resized")
    program = torch.export.export(
        as_module(model),
        (torch.tensor(X[:2]),),
        dynamic_shapes=({0: torch.export.Dim("n_samples")},),
    )
    for n in (1, 3, 1000):
        _assert_same(program.module()(torch.tensor(X[:n])), model, X[:n])


def test_what_pytorch_is_set_to_does_not_matter(model_of):
    model, X = model_of("vectors")
    with torch.inference_mode(), torch.device("meta"):
        network = as_module(model)
    assert all(value.device.type == "cpu" for value in network.state_dict().values())
    _assert_same(network(torch.tensor(X)), model, X)


def test_samples_of_another_shape_are_refused(model_of):
    network = as_module(model_of("colours last")[0])
    with pytest.raises(ValueError, match=r"X has samples of shape \(3, 9, 9\).* \(3, 9, 11\)"):
        network(torch.zeros(2, 9, 9, 3))


def test_only_estimators_of_this_package_become_modules(model_of):
    search = GridSearchCV(CLC(), {"lr": [1e-3]})
    search.best_estimator_ = model_of("vectors")[0]
    for estimator, message in (
        (make_pipeline(StandardScaler(), CLC()), r"got Pipeline\. Give its last step, model\[-1\]"),
        (search, r"got GridSearchCV\. Give its best_estimator_"),
        (StandardScaler(), "estimator must be .* got StandardScaler"),
    ):
        with pytest.raises(TypeError, match=message):
            as_module(estimator)


def test_an_estimator_that_is_not_fitted_is_refused():
    with pytest.raises(NotFittedError):
        as_module(ProPos())


def test_whole_numbers_without_doubles():
    """As on MPS, which has none."""
    X = torch.tensor([[2**31 - 1, -(2**31)], [2**31 - 3, 7]])
    offset = torch.tensor([2147483000.25, -(2.0**31)], dtype=torch.float64)
    first = offset.float()
    found = _less_whole(X, first, (offset - first.double()).float())
    assert torch.equal(found, (X.double() - offset).float())
