"""
What each augmentation does
===========================

An estimator contrasts random views of an image, and the clusters ignore whatever differs between
them. So look at views of your own images before you train: what tells the clusters apart should
still be there, and what does not matter should vary.

Each row of a plate starts with the image as it is, a photograph or a digit; the others are views of
it.
"""

# %%
# An image and what the estimators make of it
# -------------------------------------------
#
# Augmentations take a batch of images in [0, 1], channels first, and draw from a generator.

import matplotlib.pyplot as plt
import torch
from sklearn.datasets import load_digits, load_sample_images
from torch.nn.functional import interpolate

from skdeepcluster.augmentation import ImageAugmentation

N_VIEWS = 8


def prepare(image):
    """Return the central square, reduced to 64 pixels, as a tensor in [0, 1]."""
    side = min(image.shape[:2])
    top, left = (image.shape[0] - side) // 2, (image.shape[1] - side) // 2
    square = torch.from_numpy(image[top : top + side, left : left + side].copy())
    return interpolate(square.movedim(2, 0)[None] / 255, (64, 64), mode="area")


china, flower = map(prepare, load_sample_images().images)
digit = torch.from_numpy(load_digits().images[3])[None, None].float() / 16


def plate(name, augment):
    """Draw the images, and beside them views of each."""
    figure, axes = plt.subplots(3, 1 + N_VIEWS, figsize=(9, 3.3), layout="constrained")
    figure.suptitle(name)
    generator = torch.Generator().manual_seed(0)
    for row, image in zip(axes, (china, flower, digit), strict=True):
        views = augment(image.repeat(N_VIEWS, 1, 1, 1), generator)
        for ax, view in zip(row, torch.cat([image, views]), strict=True):
            ax.imshow(view.movedim(0, 2).expand(-1, -1, 3).clip(0, 1))
            ax.set_axis_off()


# %%
# Colours that say what an image shows
# ------------------------------------
#
# ``"texture"`` is the default for three channels: crops, mirroring, brightness and contrast.

plate("texture", ImageAugmentation.texture())

# %%
# No up and no down
# -----------------
#
# ``"micrograph"`` adds mirroring top to bottom and quarter turns, for cells, minerals, tiles.

plate("micrograph", ImageAugmentation.micrograph())

# %%
# Objects in any colour and light
# -------------------------------
#
# ``"photo"`` crops more and changes hue and saturation, or removes them: clusters can hardly follow
# colour any more.

plate("photo", ImageAugmentation.photo())

# %%
# Signs
# -----
#
# ``"glyph"`` is the default for grey images: shifts, small turns, shears, zooms and a light blur,
# but no mirroring, which would make another sign of a sign.

plate("glyph", ImageAugmentation.glyph())

# %%
# One's own
# ---------
#
# Every strength is a parameter; `set_params` changes some of a preset.

gentle = ImageAugmentation.texture().set_params(crop_scale=(0.6, 1.0), rotation=10.0)
plate("ImageAugmentation(...)", gentle)
plt.show()
