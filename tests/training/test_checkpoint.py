"""States on disk: resumed training equals unbroken training, and nothing is lost or overwritten."""

from __future__ import annotations

import copy
import dataclasses
import gc
import hashlib
import io
import os
import signal
import weakref

import numpy as np
import pytest
import torch
from comparing import assert_same_fit
from torch import nn
from trainings import at_the_end_of_epoch, make, trainer_of

from skdeepcluster import ProPos, load
from skdeepcluster.training.callbacks import EpochWatch
from skdeepcluster.training.checkpoint import Checkpoints, open_checkpoints
from skdeepcluster.training.engine import Trainer


class Stop(Exception):
    """Stands for whatever ends a process."""


def break_after(monkeypatch, n_epochs):
    """Raise at the end of an epoch, as Ctrl-C may."""

    def stop():
        raise Stop

    at_the_end_of_epoch(monkeypatch, n_epochs, stop)


class Tabled(nn.Linear):
    """A trunk with tables that are of any values."""

    def __init__(self, n_in, n_out):
        super().__init__(n_in, n_out)
        self.register_buffer("places", torch.tensor([-1, 0, 2**40]))
        self.register_buffer("mask", torch.tensor([0.0, -torch.inf]))


def test_a_resumed_fit_may_have_a_trunk_with_any_buffers(rows, tmp_path, monkeypatch):
    trunk = Tabled(16, 8)
    whole = make(backbone=trunk).fit(rows)
    with monkeypatch.context() as patch, pytest.raises(Stop):
        break_after(patch, 2)
        make(backbone=trunk, checkpoint_dir=tmp_path).fit(rows)
    assert_same_fit(make(backbone=trunk, checkpoint_dir=tmp_path).fit(rows), whole, rows)


@pytest.mark.parametrize(("kind", "interval"), [("images", 0), ("vectors", 1000)])
def test_a_resumed_fit_equals_the_unbroken_one(
    quick, digits, tmp_path, monkeypatch, interval, kind
):
    X = digits if kind == "images" else digits.reshape(len(digits), -1)
    unbroken = quick(max_epochs=5).fit(X)
    parameters = {"max_epochs": 5, "checkpoint_dir": tmp_path, "checkpoint_interval": interval}
    with monkeypatch.context() as patch:
        break_after(patch, 3)
        with pytest.raises(Stop):
            quick(**parameters).fit(X)
    assert_same_fit(quick(**parameters).fit(X), unbroken, X)


def test_a_finished_run_is_returned_and_two_states_are_kept(rows, tmp_path, monkeypatch):
    model = make(max_epochs=4, checkpoint_dir=tmp_path / "new").fit(rows)
    assert len(list((tmp_path / "new").glob("*.state"))) == 2
    monkeypatch.setattr(
        "skdeepcluster.training.engine.Trainer._train_epoch", lambda _: pytest.fail("ran")
    )
    again = make(max_epochs=4, checkpoint_dir=tmp_path / "new").fit(rows)
    np.testing.assert_array_equal(again.transform(rows), model.transform(rows))
    assert again.history_ == model.history_


def test_another_training_is_refused_by_name(rows, tmp_path):
    make(checkpoint_dir=tmp_path).fit(rows)
    with pytest.raises(ValueError, match=r"lr was 0.\d+, is 0.5"):
        make(checkpoint_dir=tmp_path, lr=0.5).fit(rows)
    with pytest.raises(ValueError, match="samples was"):
        make(checkpoint_dir=tmp_path).fit(rows[::-1])
    with pytest.raises(ValueError, match="number of samples was 60, is 59"):
        make(checkpoint_dir=tmp_path).fit(rows[1:])
    assert make(checkpoint_dir=tmp_path).fit(rows).n_epochs_ == 5


@pytest.mark.parametrize("damage", ["cut", "flip", "empty"])
def test_a_damaged_state_falls_back_to_the_one_before(rows, tmp_path, damage):
    parameters = {"max_epochs": 4, "checkpoint_dir": tmp_path}
    model = make(**parameters).fit(rows)
    newest = max(tmp_path.glob("*.state"))
    content = bytearray(newest.read_bytes())
    if damage == "flip":
        content[len(content) // 2] ^= 1
    newest.write_bytes({"cut": content[:-100], "flip": content, "empty": b""}[damage])
    with pytest.warns(UserWarning, match="damaged"):
        again = make(**parameters).fit(rows)
    np.testing.assert_array_equal(again.transform(rows), model.transform(rows))


def test_a_folder_in_use_is_refused(rows, tmp_path):
    with (
        open_checkpoints(tmp_path, {}, 0),
        pytest.raises(ValueError, match="another fit"),
    ):
        make(checkpoint_dir=tmp_path).fit(rows)


def test_a_folder_that_is_a_file_is_refused(rows, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ValueError, match=r"checkpoint_dir.*folder"):
        make(checkpoint_dir=tmp_path / "file").fit(rows)


def test_a_full_disk_does_not_stop_training(rows, tmp_path, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("skdeepcluster.training.checkpoint._write", full)
    with pytest.warns(UserWarning, match="No space left"):
        model = make(checkpoint_dir=tmp_path).fit(rows)
    assert model.n_epochs_ == 5


def write_checked(path, content):
    """Write something with the checksum that a state has."""
    path.write_bytes(content + hashlib.sha256(content).digest())


def saved(value):
    buffer = io.BytesIO()
    torch.save(value, buffer)
    return buffer.getvalue()


def test_without_a_readable_state_training_starts_afresh_and_says_so(rows, tmp_path, monkeypatch):
    unbroken = make().fit(rows)
    with monkeypatch.context() as patch:
        break_after(patch, 4)
        with pytest.raises(Stop):
            make(checkpoint_dir=tmp_path).fit(rows)
    broken = sorted(tmp_path.glob("*.state"))
    for path in broken:
        path.write_bytes(b"damaged")
    with monkeypatch.context() as patch:
        break_after(patch, 2)
        with pytest.raises(Stop), pytest.warns(UserWarning, match="goes on afresh"):
            make(checkpoint_dir=tmp_path).fit(rows)
    assert [path.read_bytes() for path in broken] == [b"damaged"] * 2
    assert len(list(tmp_path.glob("*.state"))) == 4
    with pytest.warns(UserWarning, match="goes on from the one before it"):
        resumed = make(checkpoint_dir=tmp_path).fit(rows)
    assert_same_fit(resumed, unbroken, rows)
    assert len(list(tmp_path.glob("*.state"))) == 2
    assert_same_fit(make(checkpoint_dir=tmp_path).fit(rows), unbroken, rows)


def test_a_damaged_state_is_not_kept_in_place_of_a_good_one(rows, tmp_path, monkeypatch):
    with monkeypatch.context() as patch:
        break_after(patch, 4)
        with pytest.raises(Stop):
            make(checkpoint_dir=tmp_path).fit(rows)
    max(tmp_path.glob("*.state")).write_bytes(b"damaged")
    with pytest.warns(UserWarning, match="goes on from the one before it"):
        model = make(checkpoint_dir=tmp_path, checkpoint_interval=1000).fit(rows)
    kept = sorted(tmp_path.glob("*.state"))
    assert [path.name for path in kept] == ["epoch-000000003.state", "epoch-000000005.state"]
    kept[1].write_bytes(b"damaged")
    with pytest.warns(UserWarning, match="goes on from the one before it"):
        assert_same_fit(make(checkpoint_dir=tmp_path).fit(rows), model, rows)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"junk",
        saved(3),
        saved({"identity": 1, "trainer": 2}),
        saved({"trainer": {}}),
        saved(nn.Identity()),
    ],
    ids=["empty", "junk", "number", "no identity", "no keys", "code"],
)
def test_junk_with_a_right_checksum_is_passed_over(rows, tmp_path, content):
    model = make(checkpoint_dir=tmp_path).fit(rows)
    write_checked(max(tmp_path.glob("*.state")), content)
    with pytest.warns(UserWarning, match="damaged or cannot be read"):
        assert_same_fit(make(checkpoint_dir=tmp_path).fit(rows), model, rows)


@pytest.mark.parametrize("part", ["objective", "optimizer", "generators", "epoch"])
def test_a_state_of_another_version_is_refused(rows, tmp_path, part):
    make(checkpoint_dir=tmp_path).fit(rows)
    newest = max(tmp_path.glob("*.state"))
    state = torch.load(io.BytesIO(newest.read_bytes()[:-32]), weights_only=True)
    state["trainer"].pop(part)
    write_checked(newest, saved(state))
    before = newest.read_bytes()
    with pytest.raises(ValueError, match="does not fit these versions"):
        make(checkpoint_dir=tmp_path).fit(rows)
    assert newest.read_bytes() == before


def test_what_is_kept_is_a_copy(rows, tmp_path):
    trainer = trainer_of(make(), rows)
    checkpoints = Checkpoints(tmp_path, {}, 1000)
    trainer.run(lambda: None, lambda _: True)
    checkpoints.keep(trainer)
    expected = saved(checkpoints.pending)
    trainer.run(lambda: None, lambda _: trainer.epoch == 3)
    assert saved(checkpoints.pending) == expected
    assert checkpoints.pending["objective"]._metadata == trainer.objective.state_dict()._metadata
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("interval", [0, 1000])
def test_ctrl_c_keeps_the_last_finished_epoch(rows, tmp_path, interval):
    """The signal comes in the middle of epoch 4, in the second of two batches."""
    calls = []

    def augmentation(batch, generator):
        calls.append(len(batch))
        if len(calls) == 8:
            os.kill(os.getpid(), signal.SIGINT)
        return batch + 0.1 * torch.randn(batch.shape, generator=generator, device=batch.device)

    previous = signal.signal(signal.SIGINT, signal.default_int_handler)
    model = make(augmentation=augmentation, checkpoint_dir=tmp_path, checkpoint_interval=interval)
    try:
        with pytest.raises(KeyboardInterrupt):
            model.fit(rows)
    finally:
        signal.signal(signal.SIGINT, previous)
    assert max(tmp_path.glob("*.state")).name == "epoch-000000003.state"
    assert model.n_epochs_ == len(model.history_) == 3
    np.testing.assert_array_equal(model.predict(rows), model.labels_)
    calls.clear()
    calls.extend([0] * 100)
    resumed = model.fit(rows)
    assert len(calls) == 100 + 2 * 2 + 1  # the last for the views that clusters are judged by
    unbroken = make(augmentation=augmentation).fit(rows)
    assert_same_fit(resumed, unbroken, rows)


def test_a_failed_write_keeps_the_state_for_the_next_one(rows, tmp_path, monkeypatch):
    unbroken = make().fit(rows)
    with monkeypatch.context() as patch:
        break_after(patch, 3)
        patch.setattr("os.replace", lambda *_: (_ for _ in ()).throw(OSError(30, "Read-only")))
        with pytest.raises(Stop), pytest.warns(UserWarning, match="Read-only"):
            make(checkpoint_dir=tmp_path).fit(rows)
    assert [path.name for path in tmp_path.iterdir()] == ["lock"]
    assert_same_fit(make(checkpoint_dir=tmp_path).fit(rows), unbroken, rows)


@pytest.mark.parametrize("interval", [0, 1000])
def test_a_warm_started_fit_resumes_like_any_other(quick, rows, tmp_path, monkeypatch, interval):
    def warm(**parameters):
        first = quick(warm_start=True, checkpoint_interval=interval).fit(rows)
        return first.set_params(max_epochs=4, **parameters)

    unbroken = warm().fit(rows)
    model = warm(checkpoint_dir=tmp_path)
    with monkeypatch.context() as patch:
        break_after(patch, 4)
        with pytest.raises(Stop):
            model.fit(rows)
    assert len(model.history_) == 2
    assert_same_fit(model.fit(rows), unbroken, rows)
    assert [entry["epoch"] for entry in model.history_] == [1, 2, 3, 4, 5, 6]
    assert_same_fit(warm(checkpoint_dir=tmp_path).fit(rows), unbroken, rows)


def test_a_warm_started_fit_needs_a_folder_of_its_own(rows, tmp_path):
    model = make(warm_start=True, checkpoint_dir=tmp_path / "first").fit(rows)
    labels, first = model.labels_, sorted((tmp_path / "first").iterdir())
    with pytest.raises(ValueError, match="start of training was afresh, is Contrastive"):
        model.fit(rows)
    assert sorted((tmp_path / "first").iterdir()) == first
    np.testing.assert_array_equal(model.labels_, labels)
    model.set_params(checkpoint_dir=tmp_path / "second").fit(rows)
    assert model.n_epochs_ == 10
    again = make(warm_start=True, checkpoint_dir=tmp_path / "first").fit(rows)
    again.set_params(checkpoint_dir=tmp_path / "second").fit(rows)
    assert_same_fit(again, model, rows)
    with pytest.raises(ValueError, match=r"start of training was Contrastive.*, is Con"):
        model.fit(rows)


def test_without_a_seed_training_goes_on_with_that_of_the_folder(rows, tmp_path, monkeypatch):
    parameters = {"random_state": None, "checkpoint_dir": tmp_path}
    kept = []

    def keep(self, trainer):
        kept.append([dict(entry) for entry in trainer.history])
        return original(self, trainer)

    original = Checkpoints.keep
    with monkeypatch.context() as patch:
        break_after(patch, 3)
        patch.setattr(Checkpoints, "keep", keep)
        with pytest.raises(Stop):
            make(**parameters).fit(rows)
    resumed = make(**parameters).fit(rows)
    assert resumed.history_[:3] == kept[-1]
    assert make(**parameters).fit(rows).history_ == resumed.history_


def test_a_random_state_instance_resumes_from_the_same_position(rows, tmp_path, monkeypatch):
    unbroken = make(random_state=np.random.RandomState(5)).fit(rows)
    state = np.random.RandomState(5)
    with monkeypatch.context() as patch:
        break_after(patch, 3)
        with pytest.raises(Stop):
            make(random_state=state, checkpoint_dir=tmp_path).fit(rows)
    for other in (state, np.random.RandomState(6), 5):
        with pytest.raises(ValueError, match=r"random_state was RandomState .*, is"):
            make(random_state=other, checkpoint_dir=tmp_path).fit(rows)
    again = make(random_state=np.random.RandomState(5), checkpoint_dir=tmp_path).fit(rows)
    assert_same_fit(again, unbroken, rows)


def test_a_training_that_a_callback_stopped_goes_on(rows, tmp_path, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(EpochWatch, "end_epoch", lambda self, entry: entry["epoch"] == 3)
        stopped = make(checkpoint_dir=tmp_path).fit(rows)
    assert stopped.n_epochs_ == 3
    assert_same_fit(make(checkpoint_dir=tmp_path).fit(rows), make().fit(rows), rows)


def test_a_folder_within_folders_is_made(rows, tmp_path):
    make(checkpoint_dir=tmp_path / "a" / "b", max_epochs=1).fit(rows)
    assert len(list((tmp_path / "a" / "b").glob("*.state"))) == 1


@pytest.mark.parametrize(
    ("error", "raised"),
    [(RuntimeError("CUDA out of memory"), False), (RuntimeError("a bug"), True)],
)
def test_only_a_lack_of_memory_is_forgiven(rows, tmp_path, monkeypatch, error, raised):
    def fail(_):
        raise error

    monkeypatch.setattr("skdeepcluster.training.checkpoint._copied", fail)
    model = make(checkpoint_dir=tmp_path, max_epochs=1)
    if raised:
        with pytest.raises(RuntimeError, match="a bug"):
            model.fit(rows)
    else:
        with pytest.warns(UserWarning, match="out of memory"):
            model.fit(rows)


@pytest.mark.parametrize("numbers", [{"lr": 1}, {"weight_decay": 0}])
def test_whole_numbers_are_resumed_as_others_are(rows, tmp_path, monkeypatch, numbers):
    settings = {"optimizer": "sgd", "checkpoint_dir": tmp_path, **numbers}
    with monkeypatch.context() as patch:
        break_after(patch, 2)
        with pytest.raises(Stop):
            make(**settings).fit(rows)
    as_floats = {name: float(value) for name, value in numbers.items()}
    assert_same_fit(make(**settings | as_floats).fit(rows), make(**settings).fit(rows), rows)


def test_a_warm_start_from_a_file_is_resumed_as_from_the_original(tmp_path, rows, monkeypatch):
    """Files have an order of their own."""
    model = ProPos(3, max_epochs=2, random_state=0, checkpoint_interval=0).fit(rows)
    model.save(tmp_path / "m", for_training=True)
    warm = {"warm_start": True, "checkpoint_dir": tmp_path / "c"}
    with monkeypatch.context() as patch:
        break_after(patch, 3)
        with pytest.raises(Stop):
            copy.deepcopy(model.set_params(warm_start=True)).set_params(**warm).fit(rows)
    assert load(tmp_path / "m").set_params(**warm).fit(rows).n_epochs_ == 4


def test_nothing_holds_the_samples_after_fit(rows):
    trainer = trainer_of(make(), rows)
    source = weakref.ref(trainer.source)
    trainer.run(lambda: None, lambda _: False)
    gc.disable()
    try:
        del trainer
        assert source() is None
    finally:
        gc.enable()


def test_momentum_begins_at_zero(rows):
    """A first step that a `GradScaler` skips would leave it as memory is."""
    plain = trainer_of(make(optimizer="sgd"), rows)
    assert not plain.optimizer.state
    settings = dataclasses.replace(plain.settings, dtype=torch.float16)
    trainer = Trainer(plain.objective, plain.source, plain.views, settings, plain.generators)
    found = [state["momentum_buffer"] for state in trainer.optimizer.state.values()]
    assert len(found) == len(trainer.optimizer.param_groups[0]["params"])
    assert not any(buffer.any() for buffer in found)
