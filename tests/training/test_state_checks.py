"""States with a right checksum and wrong content are refused before anything of them is used."""

from __future__ import annotations

import functools
import hashlib
import io
import os
from collections import Counter

import forgeries
import pytest
import torch
from comparing import assert_same_fit
from trainings import make

from skdeepcluster import ProPos


def change(folder, action, part="trainer"):
    """Change the newest state in a folder and give it a checksum that fits."""
    newest = max(folder.glob("*.state"))
    state = torch.load(io.BytesIO(newest.read_bytes()[:-32]), weights_only=True)
    action(state[part])
    buffer = io.BytesIO()
    torch.save(state, buffer)
    content = buffer.getvalue()
    newest.write_bytes(content + hashlib.sha256(content).digest())


@pytest.fixture
def reseal(rows, tmp_path):
    """Change the newest state of a training."""
    make(checkpoint_dir=tmp_path, max_epochs=3).fit(rows)
    return functools.partial(change, tmp_path)


def put(value, *keys):
    def action(state):
        for key in keys[:-1]:
            state = state[key]
        state[keys[-1]] = value(state[keys[-1]]) if callable(value) else value

    return action


MOMENTS = ("optimizer", "state", 0)
WEIGHT = ("objective", "model.backbone.0.weight")
FORGERIES = {
    "epoch": (put(10**9, "epoch"), "epoch is 1000000000"),
    "epoch of text": (put("3", "epoch"), "epoch is '3'"),
    "epoch true": (put(True, "epoch"), "epoch is True"),
    "history short": (put(lambda h: h[:-1], "history"), "one entry per epoch"),
    "history of junk": (put([{}] * 3, "history"), "one entry per epoch"),
    "history of text": (put(lambda h: [*h[:2], {**h[2], "loss": "low"}], "history"), "one entry"),
    "history with nan": (put(lambda h: [*h[:2], {**h[2], "loss": torch.nan}], "history"), "entry"),
    "assigned short": (put(lambda t: t[:-1].clone(), "assigned"), "'labels' of its assigned"),
    "assigned too large": (put(lambda t: t + 99, "assigned"), "'assigned' holds values"),
    "weight of a shape": (put(lambda t: t.flatten(), *WEIGHT), "weight' of its objective"),
    "weight of a dtype": (put(lambda t: t.double(), *WEIGHT), "weight' of its objective"),
    "weight that is no number": (put(lambda t: t * torch.nan, *WEIGHT), "of its objective"),
    "weight that is no tensor": (put([1.0], *WEIGHT), "weight' of its objective"),
    "negative variance": (
        put(lambda t: t - 100, "objective", "model.backbone.1.running_var"),
        "running_var' holds values below 0",
    ),
    "moment of a shape": (put(lambda t: t[:1].clone(), *MOMENTS, "exp_avg"), "parameter 0"),
    "moment without values": (put(lambda t: t.expand(9, -1, -1), *MOMENTS, "exp_avg"), "parameter"),
    "moment of a dtype": (put(lambda t: t.half(), *MOMENTS, "exp_avg_sq"), "parameter 0"),
    "moment below zero": (put(lambda t: t - 1, *MOMENTS, "exp_avg_sq"), "parameter 0"),
    "moment unknown": (put(lambda m: {**m, "more": m["step"]}, *MOMENTS), "parameter 0"),
    "step of a shape": (put(lambda t: t.expand(3).clone(), *MOMENTS, "step"), "parameter 0"),
    "moments of a parameter more": (put(lambda s: {**s, 999: s[0]}, *MOMENTS[:2]), "parameters"),
    "no groups": (put([], "optimizer", "param_groups"), "groups of parameters"),
    "other betas": (put((0.5, 0.5), "optimizer", "param_groups", 0, "betas"), "other settings"),
    "other generators": (put({}, "generators"), "its generators has other entries"),
    "short generator": (put(lambda t: t[:9].clone(), "generators", "order"), "of its generators"),
    "history huge": (put(lambda h: [*h[:2], {**h[2], "loss": 10**400}], "history"), "entry"),
    "history by number": (put(lambda h: [*h[:2], {**h[2], 3: 1.0}], "history"), "entry"),
    "assigned without values": (put(lambda t: t.to("meta"), "assigned"), "of its assigned"),
    "weight without values": (put(lambda t: t.to("meta"), *WEIGHT), "weight' of its objective"),
    "moment missing": (put(lambda m: {"step": m["step"]}, *MOMENTS), "parameter 0"),
    "moment of the other optimizer": (put({"momentum_buffer": None}, *MOMENTS), "parameter 0"),
    "moment of one value": (
        put(lambda t: t[:1, :1].expand(t.shape), *MOMENTS, "exp_avg"),
        "parameter 0",
    ),
    "moment turned over": (put(lambda t: t.T.contiguous().T, *MOMENTS, "exp_avg"), "parameter 0"),
    "noise": (put([torch.zeros(3)], "noise"), "its noise has other entries"),
    "scaler": (put({"scale": "x"}, "scaler"), "its scaler"),
}


@pytest.mark.parametrize("name", FORGERIES)
def test_forged_states_are_refused_by_name(rows, tmp_path, reseal, name):
    action, message = FORGERIES[name]
    reseal(action)
    with pytest.raises(ValueError, match=f"does not fit .*{message}"):
        make(checkpoint_dir=tmp_path, max_epochs=3).fit(rows)


def test_what_is_not_changed_is_accepted(rows, tmp_path, reseal):
    reseal(lambda state: None)
    resumed = make(checkpoint_dir=tmp_path, max_epochs=3).fit(rows)
    assert_same_fit(resumed, make(max_epochs=3).fit(rows), rows)


def test_what_an_identity_holds_is_safe_to_print(rows, tmp_path, reseal):
    reseal(put("\x1b[31mred\r\n" + "x" * 10_000, "lr"), "identity")
    with pytest.raises(ValueError, match=r"lr was \\x1b\[31mred x") as caught:
        make(checkpoint_dir=tmp_path, max_epochs=3).fit(rows)
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 2000


def test_numbers_of_samples_that_are_not_there_are_refused(rows, tmp_path):
    model = ProPos(3, queue_length=8, checkpoint_dir=tmp_path, max_epochs=1, random_state=0)
    model.fit(rows)
    change(tmp_path, put(lambda t: t + 60, "objective", "queue.numbers.rows"))
    with pytest.raises(ValueError, match=r"queue.numbers.rows' holds values below 0 or from 60 on"):
        model.fit(rows)


def test_momentum_that_is_missing_in_part_starts_from_zero(rows, tmp_path):
    settings = {"checkpoint_dir": tmp_path, "max_epochs": 2, "optimizer": "sgd"}
    make(**settings).fit(rows)
    max(tmp_path.glob("*.state")).unlink()
    change(tmp_path, lambda state: state["optimizer"]["state"].pop(3))
    assert make(**settings).fit(rows).n_epochs_ == 2


def test_forged_states_are_refused_or_sound():
    attempts = functools.partial(forgeries.state_attempts, kinds=("vectors",))
    counts, bad = forgeries.sweep(attempts, range(12), names=("ProPos",))
    assert not bad
    assert sum(counts.values(), Counter())["refused"] > 3


def test_a_pipe_in_place_of_a_state_does_not_block(rows, tmp_path):
    os.mkfifo(tmp_path / "epoch-000000009.state")
    with pytest.warns(UserWarning, match="damaged or cannot be read"):
        make(checkpoint_dir=tmp_path, max_epochs=1).fit(rows)
