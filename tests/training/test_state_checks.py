"""States with a right checksum and wrong content are refused before anything of them is used."""

from __future__ import annotations

import hashlib
import io
import os

import pytest
import torch
from comparing import assert_same_fit
from trainings import make


@pytest.fixture
def reseal(rows, tmp_path):
    """Change the newest state of a training and give it a checksum that fits."""
    make(checkpoint_dir=tmp_path, max_epochs=3).fit(rows)
    newest = max(tmp_path.glob("*.state"))

    def change(action):
        state = torch.load(io.BytesIO(newest.read_bytes()[:-32]), weights_only=True)
        action(state["trainer"])
        buffer = io.BytesIO()
        torch.save(state, buffer)
        content = buffer.getvalue()
        newest.write_bytes(content + hashlib.sha256(content).digest())

    return change


def put(value, *keys):
    def action(state):
        for key in keys[:-1]:
            state = state[key]
        state[keys[-1]] = value(state[keys[-1]]) if callable(value) else value

    return action


MOMENTS = ("optimizer", "state", 0)
WEIGHT = ("objective", "model.backbone.0.weight")
OF_FIRST = r"optimizer\['state'\]\[0\]"
FORGERIES = {
    "epoch": (put(10**9, "epoch"), "epoch is 1000000000"),
    "epoch of text": (put("3", "epoch"), "epoch is '3'"),
    "epoch true": (put(True, "epoch"), "epoch is True"),
    "history short": (put(lambda h: h[:-1], "history"), "one entry per epoch"),
    "history of junk": (put([{}] * 3, "history"), "one entry per epoch"),
    "history of text": (put(lambda h: [*h[:2], {**h[2], "loss": "low"}], "history"), "one entry"),
    "history with nan": (put(lambda h: [*h[:2], {**h[2], "loss": torch.nan}], "history"), "entry"),
    "assigned short": (put(lambda t: t[:-1].clone(), "assigned"), "assigned is not torch.int64"),
    "assigned too large": (put(lambda t: t + 99, "assigned"), "assigned holds values"),
    "weight of a shape": (put(lambda t: t.flatten(), *WEIGHT), r"weight'\] is not torch.float32"),
    "weight of a dtype": (put(lambda t: t.double(), *WEIGHT), r"weight'\] is not torch.float32"),
    "weight that is no number": (
        put(lambda t: t * torch.nan, *WEIGHT),
        "float32 .* finite",
    ),
    "weight that is no tensor": (put([1.0], *WEIGHT), r"weight'\] is not torch.float32"),
    "negative variance": (
        put(lambda t: t - 100, "objective", "model.backbone.1.running_var"),
        "running_var holds values below 0",
    ),
    "moment of a shape": (
        put(lambda t: t[:1].clone(), *MOMENTS, "exp_avg"),
        OF_FIRST,
    ),
    "moment without values": (put(lambda t: t.expand(9, -1, -1), *MOMENTS, "exp_avg"), "not torch"),
    "moment of a dtype": (
        put(lambda t: t.half(), *MOMENTS, "exp_avg_sq"),
        OF_FIRST,
    ),
    "moment below zero": (
        put(lambda t: t - 1, *MOMENTS, "exp_avg_sq"),
        OF_FIRST,
    ),
    "moment unknown": (
        put(lambda m: {**m, "more": m["step"]}, *MOMENTS),
        OF_FIRST,
    ),
    "step of a shape": (
        put(lambda t: t.expand(3).clone(), *MOMENTS, "step"),
        OF_FIRST,
    ),
    "moments of a parameter more": (put(lambda s: {**s, 999: s[0]}, *MOMENTS[:2]), "parameters"),
    "no groups": (put([], "optimizer", "param_groups"), "param_groups'\\] has other entries"),
    "other betas": (put((0.5, 0.5), "optimizer", "param_groups", 0, "betas"), "other settings"),
    "other generators": (put({}, "generators"), "generators has other entries"),
    "short generator": (
        put(lambda t: t[:9].clone(), "generators", "order"),
        "order.* is not torch.uint8",
    ),
    "noise": (put([torch.zeros(3)], "noise"), "noise has other entries"),
    "scaler": (put({"scale": "x"}, "scaler"), "scaler has other entries"),
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


def test_a_pipe_in_place_of_a_state_does_not_block(rows, tmp_path):
    os.mkfifo(tmp_path / "epoch-000000009.state")
    with pytest.warns(UserWarning, match="damaged or cannot be read"):
        make(checkpoint_dir=tmp_path, max_epochs=1).fit(rows)
