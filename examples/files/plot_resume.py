"""
Killed, and on again
====================

Training with a ``checkpoint_dir`` survives a Ctrl-C, a power cut and a killed process: the same
``fit`` goes on where it was, and ends with exactly the model that it would have had. This script
kills a training to show it.
"""

# %%
# A training in a process of its own
# ----------------------------------
# ``checkpoint_interval=0`` writes the state after every epoch, instead of every minute.

import subprocess
import sys
import tempfile
import time
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import torch
from sklearn.datasets import load_digits

from skdeepcluster import ProPos

SETTINGS = {"n_clusters": 10, "max_epochs": 20, "random_state": 0, "device": "cpu"}
TRAIN = f"""
import torch
from sklearn.datasets import load_digits
from skdeepcluster import ProPos

torch.set_num_threads({torch.get_num_threads()})
model = ProPos(**{SETTINGS}, checkpoint_dir="FOLDER", checkpoint_interval=0)
model.fit(load_digits().images[:500])
"""

# %%
# Kill it after a few epochs
# --------------------------
# No goodbye: ``kill`` leaves the process no time to save anything.

folder = Path(tempfile.mkdtemp()) / "state"
training = subprocess.Popen([sys.executable, "-c", TRAIN.replace("FOLDER", str(folder))])
while not list(folder.glob("epoch-*[5-9].state")) and training.poll() is None:
    time.sleep(0.05)
training.kill()
training.wait()
killed_at = max(int(path.stem.removeprefix("epoch-")) for path in folder.glob("epoch-*.state"))
print(f"killed after epoch {killed_at}, with exit status {training.returncode}")

# %%
# The same fit again
# ------------------
# It finds the state of the killed one. Beside it, a training that nobody disturbed.

X = load_digits().images[:500]
resumed = ProPos(**SETTINGS, checkpoint_dir=folder).fit(X)
undisturbed = ProPos(**SETTINGS).fit(X)
print("same labels:    ", np.array_equal(resumed.labels_, undisturbed.labels_))
print("same embeddings:", np.array_equal(resumed.transform(X), undisturbed.transform(X)))

# %%
# The losses of the two lie on each other, before the kill and after it.

figure, ax = plt.subplots(figsize=(7, 3.5), layout="constrained")
for model, style, name in ((undisturbed, "-", "undisturbed"), (resumed, "o", "killed and resumed")):
    epochs = [entry["epoch"] for entry in model.history_]
    ax.plot(epochs, [entry["loss"] for entry in model.history_], style, label=name)
ax.axvline(killed_at + 0.5, color="0.4", linestyle="--")
ax.annotate("killed", (killed_at + 0.7, ax.get_ylim()[1]), va="top")
ax.set(xlabel="epoch", ylabel="loss", xticks=range(0, 21, 5))
ax.spines[["top", "right"]].set_visible(False)
ax.legend(frameon=False)
