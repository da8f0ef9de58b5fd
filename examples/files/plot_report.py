"""
From a folder of files to a report
==================================

Files of several formats and sizes in a folder, among them one that is none, become an array,
clusters, a page to look at, and a folder for each cluster. ``skdeepcluster fit FOLDER -k 4 -o OUT``
does the same from the command line.
"""

# %%
# A folder as they are
# --------------------
# Squares cut from scikit-learn's two photographs, saved as PNG, JPEG and TIFF.

import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from PIL import Image
from sklearn.datasets import load_sample_images

from skdeepcluster import ContrastiveClustering
from skdeepcluster.datasets import load_images
from skdeepcluster.plotting import ClusterGalleryDisplay
from skdeepcluster.report import write_report

work = Path(tempfile.mkdtemp())
rng = np.random.default_rng(0)
for name, photo in zip(("temple", "flower"), load_sample_images().images, strict=True):
    (work / "photos" / name).mkdir(parents=True)
    for number in range(150):
        side = int(rng.integers(40, 90))
        top, left = (int(rng.integers(0, length - side)) for length in photo.shape[:2])
        square = Image.fromarray(photo[top : top + side, left : left + side])
        suffix = ("png", "jpg", "tif")[number % 3]
        square.save(work / "photos" / name / f"{number:03d}.{suffix}")
(work / "photos" / "notes.jpg").write_text("not an image")

# %%
# Read
# ----
# All images are brought to one size. What cannot be read is left out, and named.

found = load_images(work / "photos", image_size=32, cache_dir=work / "cache")
print(found.images.shape, found.images.dtype)
print([(Path(name).name, reason) for name, reason in found.skipped])

# %%
# Cluster, and write the page
# ---------------------------

model = ContrastiveClustering(n_clusters=4, max_epochs=20, random_state=0).fit(found.images)
page = write_report(
    model, found.images, work / "report.html", filenames=found.filenames, skipped=found.skipped
)
print(f"{page.name}: {page.stat().st_size / 1e6:.1f} MB, one file that needs no network")

# %%
# The page shows sizes, members, doubtful members, pairs of clusters that are hard to tell apart,
# and a map; clusters can be named and joined in it. Its middle part looks like this:

gallery = ClusterGalleryDisplay.from_estimator(model, found.images, n_images=12)

# %%
# Which folder did they come from?
# --------------------------------
# ``target`` holds the sub-folder of each file, which training did not see.

figure, ax = plt.subplots(figsize=(6, 3), layout="constrained")
bottom = np.zeros(model.n_clusters_)
for number, name in enumerate(found.target_names):
    counts = np.bincount(model.labels_[found.target == number], minlength=model.n_clusters_)
    ax.bar(range(model.n_clusters_), counts, bottom=bottom, label=name)
    bottom += counts
ax.set(xlabel="cluster", ylabel="images", xticks=range(model.n_clusters_))
ax.spines[["top", "right"]].set_visible(False)
ax.legend(frameon=False, ncols=2, loc="lower right", bbox_to_anchor=(1, 1))
