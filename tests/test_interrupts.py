"""After Ctrl-C the estimator holds the model as of the last finished epoch."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from comparing import without_times
from trainings import at_the_end_of_epoch

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


class Interrupting:
    """Interrupts training in a step, between two batches of an epoch."""

    def __init__(self, call):
        self.call, self.n_calls = call, 0

    def __repr__(self):  # the same training, wherever it is interrupted
        return "Interrupting()"

    def __call__(self, batch, generator):
        self.n_calls += 1
        if self.n_calls == self.call:
            raise KeyboardInterrupt
        return batch + 0.1 * torch.randn(batch.shape, generator=generator, device=batch.device)


def stop():
    raise KeyboardInterrupt


def test_an_interrupted_fit_is_one_of_fewer_epochs(quick, rows, monkeypatch):
    model = quick(max_epochs=5)
    with monkeypatch.context() as patch:
        at_the_end_of_epoch(patch, 3, stop)
        with pytest.raises(KeyboardInterrupt) as caught:
            model.fit(rows)
    assert "holds the model as of epoch 3" in caught.value.__notes__[0]
    assert "checkpoint_dir" in caught.value.__notes__[0]
    assert model.n_epochs_ == len(model.history_) == 3
    np.testing.assert_array_equal(model.predict(rows), model.labels_)
    whole = quick(max_epochs=5).fit(rows)
    assert without_times(model.history_) == without_times(whole.history_[:3])


def test_what_the_broken_epoch_did_is_undone(quick, rows, monkeypatch):
    """Interrupted at the end of epoch 2 or in the middle of epoch 3: the model is the same."""
    models = [quick(max_epochs=4, augmentation=Interrupting(call)) for call in (0, 0)]
    n_calls = []

    def note_and_stop():
        n_calls.append(models[0].augmentation.n_calls)
        stop()

    at_the_end_of_epoch(monkeypatch, 2, note_and_stop)
    with pytest.raises(KeyboardInterrupt):
        models[0].fit(rows)
    monkeypatch.undo()
    models[1].augmentation = Interrupting(n_calls[0] + 2)  # the second of two batches
    with pytest.raises(KeyboardInterrupt):
        models[1].fit(rows)
    assert models[1].n_epochs_ == 2
    assert without_times(models[0].history_) == without_times(models[1].history_)
    np.testing.assert_array_equal(models[0].transform(rows), models[1].transform(rows))


def test_an_interrupt_after_the_last_epoch_loses_nothing(quick, rows):
    whole = quick(max_epochs=3, augmentation=Interrupting(0)).fit(rows)
    model = quick(max_epochs=3, augmentation=Interrupting(whole.augmentation.n_calls))
    with pytest.raises(KeyboardInterrupt) as caught:  # while the clusters are judged
        model.fit(rows)
    assert "as of epoch 3" in caught.value.__notes__[0]
    np.testing.assert_array_equal(model.labels_, whole.labels_)
    np.testing.assert_array_equal(model.transform(rows), whole.transform(rows))


def test_an_interrupt_before_the_first_epoch_leaves_nothing(quick, rows):
    model = quick(augmentation=Interrupting(2), n_clusters=3)
    with pytest.raises(KeyboardInterrupt) as caught:
        model.fit(rows)
    assert not hasattr(caught.value, "__notes__")
    assert not any(name.endswith("_") and not name.startswith("_") for name in vars(model))


def test_a_whole_model_is_not_lost_for_half_another(quick, rows, monkeypatch):
    model = quick(max_epochs=3).fit(rows)
    embedding = model.transform(rows)
    at_the_end_of_epoch(monkeypatch, 2, stop)
    with pytest.raises(KeyboardInterrupt):
        model.fit(rows)
    assert model.n_epochs_ == 3
    np.testing.assert_array_equal(model.transform(rows), embedding)


def test_an_interrupted_warm_start_has_gone_on(quick, rows, monkeypatch):
    model = quick(max_epochs=2, warm_start=True).fit(rows)
    at_the_end_of_epoch(monkeypatch, 3, stop)
    with pytest.raises(KeyboardInterrupt):
        model.fit(rows)
    assert model.n_epochs_ == 3


def test_an_interrupt_soon_after_resuming_keeps_what_was_resumed(quick, rows, tmp_path):
    parameters = {"max_epochs": 4, "checkpoint_dir": tmp_path}
    first = quick(augmentation=Interrupting(6), **parameters)  # two batches an epoch
    with pytest.raises(KeyboardInterrupt):
        first.fit(rows)
    again = quick(augmentation=Interrupting(1), **parameters)
    with pytest.raises(KeyboardInterrupt) as caught:
        again.fit(rows)
    assert "holds the model as of epoch 2" in caught.value.__notes__[0]
    assert again.n_epochs_ == first.n_epochs_ == 2
    np.testing.assert_array_equal(again.transform(rows), first.transform(rows))
