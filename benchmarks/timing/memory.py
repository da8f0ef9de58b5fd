"""Peak memory of one action in a process of its own (Linux): ``python -m timing.memory JSON``."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import threading
import time
import warnings
from pathlib import Path
from typing import Any

import numpy as np

MIB = 2**20
FOLDER = Path(__file__).parent.parent


def measured_apart(action: str, **options: Any) -> dict[str, float]:
    """Run an action in a fresh process; return what it measured."""
    command = [sys.executable, "-m", "timing.memory", json.dumps({"action": action, **options})]
    done = subprocess.run(command, cwd=FOLDER, check=True, stdout=subprocess.PIPE, text=True)
    return json.loads(done.stdout.splitlines()[-1])


def status() -> dict[str, int]:
    """Return the kernel's account of this process's memory, in bytes."""
    fields = [line.split() for line in Path("/proc/self/status").read_text().splitlines()]
    return {f[0].rstrip(":"): 1024 * int(f[1]) for f in fields if f[-1] == "kB"}


class Peak:
    """
    The peak of memory within a ``with`` block.

    The whole is the kernel's own high-water mark, set back at the start. The anonymous part, which
    leaves out pages of mapped files, is looked at every 5 ms.
    """

    def __enter__(self) -> Peak:
        Path("/proc/self/clear_refs").write_text("5")
        self.before = status()
        self.anonymous, self.ended = 0, False
        self.watcher = threading.Thread(target=self._watch)
        self.watcher.start()
        return self

    def __exit__(self, *unused: object) -> None:
        self.ended = True
        self.watcher.join()
        self.growth = status()["VmHWM"] - self.before["VmRSS"]
        self.anonymous_growth = self.anonymous - self.before["RssAnon"]

    def _watch(self) -> None:
        while not self.ended:
            self.anonymous = max(self.anonymous, status()["RssAnon"])
            time.sleep(0.005)


def cheap_trunk(shape: tuple[int, ...]) -> Any:
    """Return a trunk that costs next to nothing: means of 4 x 4 pixels and one layer."""
    from torch import nn

    side = shape[0] * (shape[1] // 4) * (shape[2] // 4)
    return nn.Sequential(nn.AvgPool2d(4), nn.Flatten(), nn.Linear(side, 64))


def write_images(path: Path, n_images: int) -> np.memmap:
    """Write random images of 64 pixels in three channels, the same block again and again."""
    images = np.memmap(path, np.uint8, "w+", shape=(n_images, 64, 64, 3))
    block = np.random.default_rng(0).integers(0, 256, (1024, 64, 64, 3), dtype=np.uint8)
    for start in range(0, n_images, len(block)):
        images[start : start + len(block)] = block[: n_images - start]
    images.flush()
    return np.memmap(path, np.uint8, "r", shape=images.shape)


def run(action: str, n_images: int, device: str, folder: str | None = None) -> dict[str, float]:
    """Do one action on images and return its peaks."""
    import torch

    from skdeepcluster import ContrastiveClustering

    model = ContrastiveClustering(
        10, backbone=cheap_trunk, augmentation=None, max_epochs=1, device=device, random_state=0
    )
    if action == "memmap":
        images: np.ndarray = write_images(Path(str(folder)) / "images", n_images)
    else:
        images = np.random.default_rng(0).integers(0, 256, (n_images, 28, 28), dtype=np.uint8)
    model.fit(images[:1024]).predict(images[:1024])  # what every first call takes
    if torch.device(device).type == "cuda":
        torch.cuda.reset_peak_memory_stats()
    start = time.perf_counter()
    with Peak() as peak:
        getattr(model, "fit" if action == "memmap" else action)(images)
    return {
        "growth": peak.growth,
        "anonymous_growth": peak.anonymous_growth,
        "images": images.nbytes,
        "seconds": time.perf_counter() - start,
        "device_peak": torch.cuda.max_memory_allocated() if torch.cuda.is_available() else 0,
    }


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    with tempfile.TemporaryDirectory() as temporary:
        print(json.dumps(run(**json.loads(sys.argv[1]), folder=temporary)))
