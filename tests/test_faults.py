"""What goes wrong around a training: kills, disks, folders, memory, workers, diverging losses."""

from __future__ import annotations

import errno
import multiprocessing
import os
import shutil
import signal
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pandas as pd
import pytest
import torch
from comparing import assert_same_fit
from joblib.externals.loky.process_executor import TerminatedWorkerError
from sklearn.model_selection import GridSearchCV
from torch import nn
from trainings import at_the_end_of_epoch, make

from skdeepcluster.training import TrainingDiverged


def states(folder):
    return [path.name for path in sorted(folder.glob("*.state"))]


def interrupt():
    raise KeyboardInterrupt


# --- kills --------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def context():
    """Return a way to start processes that have the package imported already."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["skdeepcluster.methods", "torch._dynamo"])
    return context


def fit_until(context, model, X, folder, n_epochs):
    """Fit in another process until the state of an epoch is there."""
    process = context.Process(target=model.fit, args=(X,))
    process.start()
    while process.is_alive() and max([0, *(int(n[6:15]) for n in states(folder))]) < n_epochs:
        time.sleep(0.002)
    assert process.is_alive()
    return process


@pytest.mark.timeout(120)
def test_a_killed_fit_resumes_bit_equal_and_its_folder_was_its_own(rows, tmp_path, context):
    unbroken = make(max_epochs=40).fit(rows)
    model = make(max_epochs=40, checkpoint_dir=tmp_path)
    for n_epochs in (1, 9, 17):
        process = fit_until(context, model, rows, tmp_path, n_epochs)
        os.kill(process.pid, signal.SIGSTOP)
        with pytest.raises(ValueError, match="another fit is training in it"):
            model.fit(rows)
        process.kill()
        process.join()
        assert process.exitcode == -signal.SIGKILL
    assert_same_fit(model.fit(rows), unbroken, rows)
    assert states(tmp_path) == ["epoch-000000039.state", "epoch-000000040.state"]


@pytest.mark.timeout(120)
def test_a_killed_worker_ends_a_search_with_an_error(rows):
    parent = os.getpid()

    def backbone(shape):
        if os.getpid() != parent:
            os._exit(1)
        return nn.Linear(16, 8)

    model = make(backbone=backbone, max_epochs=2)
    search = GridSearchCV(model, {"n_clusters": [2, 3]}, cv=2, n_jobs=2)
    with pytest.raises(TerminatedWorkerError):
        search.fit(rows)
    assert len(search.set_params(n_jobs=1).fit(rows).best_estimator_.labels_) == len(rows)
    assert model.fit(rows).n_epochs_ == 2


# --- disks and folders --------------------------------------------------------------------


def fill_by_error(monkeypatch):
    def fsync(_):
        monkeypatch.undo()
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("os.fsync", fsync)


def test_a_disk_that_is_full_for_a_while(rows, tmp_path, monkeypatch):
    unbroken = make().fit(rows)
    seen = []

    def fill_and_look():
        seen.append(states(tmp_path))
        fill_by_error(monkeypatch)

    def look():
        seen.append(states(tmp_path))
        assert not list(tmp_path.glob("*.part"))

    with monkeypatch.context() as patch:
        at_the_end_of_epoch(patch, 2, fill_and_look)
        at_the_end_of_epoch(patch, 3, look)
        with pytest.warns(UserWarning, match="No space left on device"):
            model = make(checkpoint_dir=tmp_path).fit(rows)
    assert seen == [["epoch-000000001.state", "epoch-000000002.state"]] * 2
    assert states(tmp_path) == ["epoch-000000004.state", "epoch-000000005.state"]
    assert_same_fit(model, unbroken, rows)


def test_a_folder_that_vanishes_does_not_stop_training(rows, tmp_path, monkeypatch):
    folder = tmp_path / "states"
    with monkeypatch.context() as patch:
        at_the_end_of_epoch(patch, 2, lambda: shutil.rmtree(folder))
        with pytest.warns(UserWarning, match="could not be written to checkpoint_dir"):
            model = make(checkpoint_dir=folder).fit(rows)
    assert_same_fit(model, make().fit(rows), rows)
    assert not folder.exists()
    again = make(checkpoint_dir=folder, max_epochs=1).fit(rows)
    assert again.n_epochs_ == 1
    assert states(folder) == ["epoch-000000001.state"]


def test_a_folder_that_cannot_be_made_is_refused_before_training(rows, tmp_path, monkeypatch):
    monkeypatch.setattr(
        "skdeepcluster.training.engine.Trainer.run", lambda *_: pytest.fail("trained")
    )
    (tmp_path / "file").write_text("")
    with pytest.raises(ValueError, match=r"checkpoint_dir must be a folder.*null"):
        make(checkpoint_dir="\0").fit(rows)
    with pytest.raises(ValueError, match=r"checkpoint_dir must be a folder.*Not a directory"):
        make(checkpoint_dir=tmp_path / "file" / "states").fit(rows)

    def refuse(*_, **__):
        raise PermissionError(errno.EACCES, "Permission denied")

    for call in ("pathlib.Path.mkdir", "filelock.FileLock.acquire"):
        with monkeypatch.context() as patch:
            patch.setattr(call, refuse)
            with pytest.raises(ValueError, match=r"checkpoint_dir must be a folder.*Permission"):
                make(checkpoint_dir=tmp_path / "states").fit(rows)


# --- memory and losses --------------------------------------------------------------------


@pytest.mark.parametrize(
    "error", [MemoryError("host"), torch.cuda.OutOfMemoryError("CUDA out of memory")]
)
def test_no_memory_for_a_state_does_not_stop_training(rows, tmp_path, monkeypatch, error):
    def fail(_):
        raise error

    with monkeypatch.context() as patch:
        patch.setattr("skdeepcluster.training.checkpoint._copied", fail)
        with pytest.warns(UserWarning, match="could not be written"):
            model = make(checkpoint_dir=tmp_path).fit(rows)
    assert_same_fit(model, make().fit(rows), rows)
    assert states(tmp_path) == []


class Spoiling:
    """Turns a batch into NaN when it is called for a certain time, and never again."""

    def __init__(self, call):
        self.call, self.n_calls = call, 0

    def __call__(self, batch, generator):
        self.n_calls += 1
        noise = 0.1 * torch.randn(batch.shape, generator=generator, device=batch.device)
        return batch + noise if self.n_calls != self.call else batch * torch.nan


@pytest.mark.parametrize("interval", [0, 1000])
def test_a_diverging_loss_keeps_the_last_good_state(rows, tmp_path, interval):
    unbroken = make(augmentation=Spoiling(0)).fit(rows)
    model = make(checkpoint_dir=tmp_path, checkpoint_interval=interval)
    model.set_params(augmentation=Spoiling(6))
    with pytest.raises(TrainingDiverged, match=r"not finite in epoch 3: .*Try a lower lr"):
        model.fit(rows)
    assert states(tmp_path)[-1] == "epoch-000000002.state"
    assert_same_fit(model.fit(rows), unbroken, rows)


def test_a_diverging_loss_keeps_the_fitted_model(rows):
    model = make().fit(rows)
    labels, embedding, history = model.labels_.copy(), model.transform(rows), model.history_
    for warm in (False, True):
        model.set_params(augmentation=Spoiling(4), warm_start=warm)
        with pytest.raises(TrainingDiverged, match=f"epoch {7 if warm else 2}:"):
            model.fit(rows)
        np.testing.assert_array_equal(model.labels_, labels)
        np.testing.assert_array_equal(model.transform(rows), embedding)
        assert model.history_ is history


def test_a_loss_that_diverges_in_the_last_step_is_found(digits):
    settings = {"max_epochs": 1, "batch_size": 60, "optimizer": "sgd", "warmup_epochs": 0}
    with pytest.raises(TrainingDiverged, match=r"not finite after epoch 1\. Try a lower lr"):
        make(**settings, lr=1e30, precision="float32").fit(digits)


def test_an_embedding_of_zeros_is_a_diverged_one():
    X = np.random.default_rng(0).normal(size=(12, 4))

    def dying(shape):  # no output of its ReLU is left after a step so large
        return nn.Sequential(nn.Linear(*shape, 4), nn.ReLU())

    settings = {"backbone": dying, "max_epochs": 1, "embedding_dim": 3, "n_clusters": 2}
    with pytest.raises(TrainingDiverged, match="embedding is zero or not finite after epoch 1"):
        make(**settings, lr=1e10).fit(X)


def test_a_failed_fit_keeps_what_is_known_of_the_input(digits, monkeypatch):
    frames = [pd.DataFrame(digits[:, 2, :k], columns=list("abcdefgh"[-k:])) for k in (6, 5)]
    for X, other in ((digits, digits[:, :6, :6]), frames):
        model = make().fit(X)
        known = model.n_features_in_, model.image_shape_, getattr(model, "feature_names_in_", [])
        with monkeypatch.context() as patch:
            at_the_end_of_epoch(patch, 2, interrupt)
            with pytest.raises(KeyboardInterrupt):
                model.fit(other)
        assert (model.n_features_in_, model.image_shape_) == known[:2]
        assert list(getattr(model, "feature_names_in_", [])) == list(known[2])
        np.testing.assert_array_equal(model.predict(X), model.labels_)
    with pytest.raises(TrainingDiverged):
        (model := make(augmentation=Spoiling(1))).fit(digits)
    assert not hasattr(model, "n_features_in_")


def test_the_progress_bar_goes_on_where_training_goes_on(rows, tmp_path, monkeypatch, capfd):
    with monkeypatch.context() as patch:
        at_the_end_of_epoch(patch, 3, interrupt)
        with pytest.raises(KeyboardInterrupt):
            make(checkpoint_dir=tmp_path).fit(rows)
    make(checkpoint_dir=tmp_path, verbose=1).fit(rows)
    bar = capfd.readouterr().err
    assert "3/5" in bar
    assert "5/5" in bar


def test_callbacks_are_torn_down_when_a_fit_fails(rows):
    called = []

    class Interrupting:
        def setup(self, estimator, context):
            called.append("setup")

        def on_fit_task_begin(self, estimator, context, **_):
            called.append("begin")

        def on_fit_task_end(self, estimator, context, **_):
            raise KeyboardInterrupt

        def teardown(self, estimator, context):
            called.append("teardown")

    model = make()
    if hasattr(model, "set_callbacks"):  # from scikit-learn 1.9 on
        with pytest.raises(KeyboardInterrupt):
            model.set_callbacks(Interrupting()).fit(rows)
        assert called == ["setup", "begin", "begin", "teardown"]


# --- threads ------------------------------------------------------------------------------


def test_threads_fit_and_predict_side_by_side(quick, digits):
    """Two fits and six threads that predict equal what they come to one after the other."""
    ready = quick().fit(digits)
    expected = ready.predict_proba(digits)
    serial = [quick(random_state=seed).fit(digits) for seed in (1, 2)]
    with ThreadPoolExecutor(8) as pool:
        fits = [pool.submit(quick(random_state=seed).fit, digits) for seed in (1, 2)]
        results = [pool.submit(ready.predict_proba, digits) for _ in range(24)]
    for result in results:
        np.testing.assert_array_equal(result.result(), expected)
    for fit, other in zip(fits, serial, strict=True):
        assert_same_fit(fit.result(), other, digits)


def test_modules_built_in_threads_do_not_mix_their_weights(rows):
    """Torch's layers draw from a stream that all threads share."""

    def backbone(shape):
        return nn.Sequential(*[nn.Linear(16, 16) for _ in range(20)])

    def fit(seed):
        return make(backbone=backbone, max_epochs=1, random_state=seed).fit(rows)

    serial = [fit(seed) for seed in range(8)]
    before = torch.get_rng_state()
    with ThreadPoolExecutor(8) as pool:
        for model, other in zip(pool.map(fit, range(8)), serial, strict=True):
            assert_same_fit(model, other, rows)
    assert torch.equal(torch.get_rng_state(), before)
