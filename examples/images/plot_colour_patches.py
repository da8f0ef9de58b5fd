"""
A photograph sorted into materials
==================================

Cuts a photograph into small squares, clusters them by colour and texture, and paints the clusters
back onto the photograph. Nobody said what sky, trees or roofs are.
"""

# %%
# Squares of a photograph
# -----------------------
# Squares of 32 x 32 pixels, each shifted by half its side against the next.

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_sample_image

from skdeepcluster import ContrastiveClustering
from skdeepcluster.plotting import ClusterGalleryDisplay

SIDE, STEP = 32, 16
photo = load_sample_image("china.jpg")
windows = np.lib.stride_tricks.sliding_window_view(photo, (SIDE, SIDE), axis=(0, 1))
grid = windows[::STEP, ::STEP].transpose(0, 1, 3, 4, 2)
X = grid.reshape(-1, SIDE, SIDE, 3)
print(X.shape, X.dtype)

# %%
# Colours stay, places do not
# ---------------------------
# With three channels, ``augmentation="auto"`` is ``"texture"``: views differ in crop, mirroring and
# light, hardly in colour. So the clusters may follow colour. :doc:`/views` says when that is wrong.

model = ContrastiveClustering(n_clusters=6, max_epochs=15, random_state=0).fit(X)
gallery = ClusterGalleryDisplay.from_estimator(model, X, n_images=12)

# %%
# Back onto the photograph
# ------------------------
# Each square gives its colour to the middle of itself.

figure, (left, right) = plt.subplots(1, 2, figsize=(11, 4), layout="constrained")
left.imshow(photo)
right.imshow(photo)
clusters = model.labels_.reshape(grid.shape[:2])
edge = SIDE // 2 - STEP // 2
extent = (edge, edge + STEP * clusters.shape[1], edge + STEP * clusters.shape[0], edge)
right.imshow(clusters, cmap="tab10", vmin=0, vmax=9, alpha=0.6, extent=extent)
right.set(xlim=left.get_xlim(), ylim=left.get_ylim())
for ax in (left, right):
    ax.set_axis_off()

# sphinx_gallery_thumbnail_number = 2
