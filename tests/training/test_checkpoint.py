"""States on disk: resumed training equals unbroken training, and nothing is lost or overwritten."""

from __future__ import annotations

import numpy as np
import pytest

TIMES = ("seconds", "images_per_second")


def without_times(history):
    return [{k: v for k, v in entry.items() if k not in TIMES} for entry in history]


class Stop(Exception):
    """Stands for whatever ends a process."""


def break_after(monkeypatch, n_epochs):
    """Raise at the end of an epoch, as Ctrl-C may."""
    from skdeepcluster.training.callbacks import EpochWatch

    original = EpochWatch.end_epoch

    def end_epoch(self, entry):
        if entry["epoch"] == n_epochs:
            raise Stop
        return original(self, entry)

    monkeypatch.setattr(EpochWatch, "end_epoch", end_epoch)


@pytest.mark.parametrize("interval", [0, 1000])
@pytest.mark.parametrize("kind", ["images", "vectors"])
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
    resumed = quick(**parameters).fit(X)
    np.testing.assert_array_equal(resumed.labels_, unbroken.labels_)
    np.testing.assert_array_equal(resumed.transform(X), unbroken.transform(X))
    assert without_times(resumed.history_) == without_times(unbroken.history_)


def test_a_finished_run_is_returned_and_two_states_are_kept(quick, digits, tmp_path, monkeypatch):
    model = quick(max_epochs=4, checkpoint_dir=tmp_path / "new", checkpoint_interval=0).fit(digits)
    assert len(list((tmp_path / "new").glob("*.state"))) == 2
    monkeypatch.setattr("skdeepcluster.training.Trainer._train_epoch", lambda _: pytest.fail("ran"))
    again = quick(max_epochs=4, checkpoint_dir=tmp_path / "new").fit(digits)
    np.testing.assert_array_equal(again.transform(digits), model.transform(digits))
    assert again.history_ == model.history_


def test_another_training_is_refused_by_name(quick, digits, tmp_path):
    quick(checkpoint_dir=tmp_path).fit(digits)
    with pytest.raises(ValueError, match=r"lr was 0.\d+, is 0.5"):
        quick(checkpoint_dir=tmp_path, lr=0.5).fit(digits)
    with pytest.raises(ValueError, match="samples was"):
        quick(checkpoint_dir=tmp_path).fit(digits[::-1])
    with pytest.raises(ValueError, match="number of samples was 60, is 59"):
        quick(checkpoint_dir=tmp_path).fit(digits[1:])
    assert quick(checkpoint_dir=tmp_path).fit(digits).n_epochs_ == 2


@pytest.mark.parametrize("damage", ["cut", "flip", "empty"])
def test_a_damaged_state_falls_back_to_the_one_before(quick, digits, tmp_path, damage):
    parameters = {"max_epochs": 4, "checkpoint_dir": tmp_path, "checkpoint_interval": 0}
    model = quick(**parameters).fit(digits)
    newest = max(tmp_path.glob("*.state"))
    content = bytearray(newest.read_bytes())
    if damage == "flip":
        content[len(content) // 2] ^= 1
    newest.write_bytes({"cut": content[:-100], "flip": content, "empty": b""}[damage])
    with pytest.warns(UserWarning, match="damaged"):
        again = quick(**parameters).fit(digits)
    np.testing.assert_array_equal(again.transform(digits), model.transform(digits))


def test_a_folder_in_use_is_refused(quick, digits, tmp_path):
    from skdeepcluster.training.checkpoint import open_checkpoints

    with (
        open_checkpoints(tmp_path, {}, 0),
        pytest.raises(ValueError, match="another fit"),
    ):
        quick(checkpoint_dir=tmp_path).fit(digits)


def test_a_folder_that_is_a_file_is_refused(quick, digits, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ValueError, match=r"checkpoint_dir.*folder"):
        quick(checkpoint_dir=tmp_path / "file").fit(digits)


def test_a_full_disk_does_not_stop_training(quick, digits, tmp_path, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("skdeepcluster.training.checkpoint._write", full)
    with pytest.warns(UserWarning, match="No space left"):
        model = quick(checkpoint_dir=tmp_path).fit(digits)
    assert model.n_epochs_ == 2
