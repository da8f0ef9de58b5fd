"""
Images that do not fit in memory
================================

Images that take more than a budget, 1 GiB on a CPU, are not copied: a memory map is read batch by
batch while training goes on, and its pages are released again. You need not say so. Here the file
is a little larger than the budget, and a second thread watches how much memory training takes.
"""

# %%
# A file of 1.1 GiB
# -----------------
# 5,900 images of 256 x 256 pixels in colour: stripes, checks and dots, each kind in its own shades.
# They are written one by one, so the whole is never in memory.

import tempfile
import threading
import time
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

from skdeepcluster import ContrastiveClustering
from skdeepcluster.metrics import clustering_accuracy_score
from skdeepcluster.plotting import ClusterGalleryDisplay

N_IMAGES, SIDE = 5900, 256
SHADES = np.array([[150, 90, 70], [70, 140, 90], [80, 100, 160]])
rng = np.random.default_rng(0)
row, column = np.mgrid[:SIDE, :SIDE].astype(np.float32) / SIDE * 2 * np.pi


def pattern(kind):
    """Draw one image as (SIDE, SIDE, 3) bytes."""
    waves = rng.uniform(5, 8)
    across, down = np.sin(waves * column + rng.uniform(0, 6)), np.sin(waves * row)
    height = (across, np.sign(across) * np.sign(down), np.maximum(across, down))[kind]
    shade = SHADES[kind] + rng.uniform(-10, 10, 3)
    return (shade + height[..., None] * rng.uniform(30, 60)).astype(np.uint8)


path = Path(tempfile.mkdtemp()) / "images.npy"
X = np.lib.format.open_memmap(path, "w+", np.uint8, (N_IMAGES, SIDE, SIDE, 3))
kinds = rng.integers(0, 3, N_IMAGES)
for number, kind in enumerate(kinds):
    X[number] = pattern(kind)
X.flush()
X = np.load(path, mmap_mode="r")
print(f"{X.nbytes / 2**30:.2f} GiB in {path.name}")

# %%
# Watched training
# ----------------
# Linux says in ``/proc`` what a process has allocated, apart from the pages of files, which it can
# drop at any time. Images are reduced to 32 pixels on the device, a batch at a time. Two epochs
# are enough for images as easy as these.


def allocated():
    """Return the GiB of memory that are the process's own; 0 where there is no ``/proc``."""
    status = Path("/proc/self/status")
    lines = status.read_text().splitlines() if status.exists() else []
    return sum(int(line.split()[1]) for line in lines if line.startswith("RssAnon")) / 2**20


seconds, memory, training = [], [], True
start, before = time.monotonic(), allocated()


def watch():
    """Note the time, and the memory beyond that of the start, ten times a second."""
    while training:
        seconds.append(time.monotonic() - start)
        memory.append(allocated() - before)
        time.sleep(0.1)


thread = threading.Thread(target=watch)
thread.start()
model = ContrastiveClustering(
    n_clusters=3, image_size=32, batch_size=64, max_epochs=2, device="cpu", random_state=0
)
labels = model.fit_predict(X)
training = False
thread.join()
print(f"accuracy {clustering_accuracy_score(kinds, labels):.3f}")

# %%
# What it took
# ------------
# The dashed line is the size of the file.

figure, ax = plt.subplots(figsize=(7, 3.5), layout="constrained")
ax.plot(seconds, memory)
ax.axhline(X.nbytes / 2**30, color="0.4", linestyle="--")
ax.annotate("the file", (0, X.nbytes / 2**30), (4, -14), textcoords="offset points")
ax.set(xlabel="seconds", ylabel="memory of the training, GiB", ylim=(0, 1.3))
ax.spines[["top", "right"]].set_visible(False)

# %%
# The clusters, of a few images:

gallery = ClusterGalleryDisplay.from_predictions(X[::120, ::4, ::4], labels[::120], n_images=10)
path.unlink()
