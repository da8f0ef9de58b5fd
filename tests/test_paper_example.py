"""The script that runs a paper's settings on CIFAR-10, on files made in its format."""

from __future__ import annotations

import pickle
import runpy
import warnings
from pathlib import Path

import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning
from torchvision.datasets import CIFAR10

SCRIPT = Path(__file__).parents[1] / "examples" / "paper_cifar10.py"
PER_FILE = 4


@pytest.fixture(scope="module")
def script():
    return runpy.run_path(str(SCRIPT))


@pytest.fixture
def root(tmp_path, monkeypatch):
    """Write batches of 4 random images, and let torchvision take them for the true ones."""
    rng = np.random.default_rng(0)
    folder = tmp_path / CIFAR10.base_folder
    folder.mkdir()
    for name, _ in CIFAR10.train_list + CIFAR10.test_list:
        batch = {
            "batch_label": name,
            "data": rng.integers(0, 256, (PER_FILE, 3 * 32 * 32), dtype=np.uint8),
            "labels": rng.integers(0, 10, PER_FILE).tolist(),
            "filenames": [f"{name}_{i}.png" for i in range(PER_FILE)],
        }
        (folder / name).write_bytes(pickle.dumps(batch))
    names = {"label_names": [f"class {i}" for i in range(10)]}
    (folder / "batches.meta").write_bytes(pickle.dumps(names))
    monkeypatch.setattr("torchvision.datasets.cifar.check_integrity", lambda path, md5: True)
    return tmp_path


def test_images_are_read_in_order_train_before_test(script, root):
    images, labels = script["load_images"](root, None)
    assert images.shape == (6 * PER_FILE, 32, 32, 3)
    assert (images.dtype, labels.shape) == (np.uint8, (6 * PER_FILE,))
    last = pickle.loads((root / CIFAR10.base_folder / "test_batch").read_bytes())
    expected = last["data"].reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1)
    np.testing.assert_array_equal(images[-PER_FILE:], expected)
    np.testing.assert_array_equal(labels[-PER_FILE:], last["labels"])


def test_a_limit_takes_the_first(script, root):
    images, labels = script["load_images"](root, 5)
    everything, _ = script["load_images"](root, None)
    assert len(labels) == 5
    np.testing.assert_array_equal(images, everything[:5])


@pytest.mark.parametrize(
    ("method", "paper"),
    [("cc", "0.790"), ("tcc", "0.906"), ("clc", "  -  "), ("propos", "0.943")],
)
def test_a_run_prints_both_scores(script, root, capsys, method, paper):
    arguments = ["--method", method, "--root", str(root), "--device", "cpu", "--limit", "12"]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        script["main"]([*arguments, "--max-epochs", "1", "--image-size", "8"])
    printed = capsys.readouterr().out
    lines = {line[:3]: line.split("   ") for line in printed.splitlines()[-3:]}
    assert list(lines) == ["ACC", "NMI", "ARI"]
    assert f"ACC    {paper}   0." in printed
    assert all(-1 <= float(cells[-1]) <= 1 for cells in lines.values())
    assert "on 12 images, 1 epochs" in printed


def test_options_reach_the_estimator(script, root, tmp_path, monkeypatch):
    made = []
    monkeypatch.setattr(
        "skdeepcluster.ProPos.fit_predict", lambda self, X: made.append(self) or np.arange(len(X))
    )
    script["main"](["--root", str(root), "--seed", "7", "--checkpoint-dir", str(tmp_path / "s")])
    script["main"](["--root", str(root), "--max-epochs", "3", "--device", "cpu"])
    first, second = (model.get_params() for model in made)
    assert (first["random_state"], first["checkpoint_dir"]) == (7, tmp_path / "s")
    assert (first["max_epochs"], first["device"], first["lr"]) == (1000, "auto", 0.1)
    assert (second["random_state"], second["max_epochs"], second["device"]) == (0, 3, "cpu")


def test_enlarging_keeps_flat_images_flat(script):
    images = np.full((3, 32, 32, 3), (0, 100, 255), dtype=np.uint8)
    resized = script["resize"](images, 48)
    assert resized.dtype == np.uint8
    np.testing.assert_array_equal(resized, np.broadcast_to((0, 100, 255), (3, 48, 48, 3)))
    assert script["resize"](images, 32) is images


def test_an_absent_folder_is_named(script, tmp_path):
    with pytest.raises(SystemExit, match="cifar-10-batches-py") as stop:
        script["main"](["--root", str(tmp_path)])
    assert str(tmp_path) in str(stop.value)


def test_damaged_files_are_not_read(script, root, monkeypatch):
    monkeypatch.undo()
    with pytest.raises(SystemExit, match="incomplete or damaged"):
        script["main"](["--root", str(root)])
