"""What holds for all displays: axes given, estimators refused, colours that all can tell apart."""

from __future__ import annotations

import sys
from itertools import combinations
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from sklearn.exceptions import NotFittedError

from skdeepcluster import ContrastiveClustering, plotting
from skdeepcluster.plotting import (
    ClusterSizesDisplay,
    ConfidenceDisplay,
    ContingencyDisplay,
    EmbeddingDisplay,
    SilhouetteDisplay,
)
from skdeepcluster.plotting._drawing import COLOURS, style

X, LABELS = np.random.default_rng(0).random((12, 2)), np.arange(12) % 3
DISPLAYS = [
    (ClusterSizesDisplay, (LABELS,)),
    (ConfidenceDisplay, (LABELS, np.eye(3)[LABELS])),
    (ContingencyDisplay, (LABELS, LABELS)),
    (EmbeddingDisplay, (X, LABELS)),
    (SilhouetteDisplay, (X, LABELS)),
]
# Colours as seen without one of the three kinds of cones (Machado et al. 2009, severity 1).
SIGHTS = {
    "all": np.eye(3),
    "protanopia": [
        [0.152286, 1.052583, -0.204868],
        [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
    ],
    "deuteranopia": [
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ],
    "tritanopia": [
        [1.255528, -0.076749, -0.178779],
        [-0.078411, 0.930809, 0.147602],
        [0.004733, 0.691367, 0.303900],
    ],
}


@pytest.mark.parametrize(("display", "arguments"), DISPLAYS)
def test_axes_that_are_given_are_drawn_into(display: Any, arguments: Any) -> None:
    figure = Figure()
    ax = figure.add_subplot()
    drawn = display.from_predictions(*arguments, ax=ax)
    assert drawn.ax_ is ax
    assert drawn.figure_ is figure
    assert plt.get_fignums() == []


@pytest.mark.parametrize(("display", "arguments"), DISPLAYS)
def test_a_display_can_be_drawn_again(display: Any, arguments: Any) -> None:
    drawn = display.from_predictions(*arguments)
    first = drawn.ax_
    assert drawn.plot() is drawn
    assert drawn.ax_ is not first


@pytest.mark.parametrize(("display", "arguments"), DISPLAYS)
def test_arrays_that_are_given_stay_as_they_are(display: Any, arguments: Any) -> None:
    kept = [array.copy() for array in arguments]
    display.from_predictions(*arguments)
    for array, before in zip(arguments, kept, strict=True):
        np.testing.assert_array_equal(array, before)


@pytest.mark.parametrize("name", plotting.__all__)
def test_what_is_not_fitted_is_refused(name: str) -> None:
    names = {"LearningCurvesDisplay": 0, "ClusterNumberDisplay": 0}
    names |= {"ContingencyDisplay": 2, "ConfidenceDisplay": 2}
    arguments = [np.zeros((2, 8, 8)), [0, 1]][: names.get(name, 1)]
    with pytest.raises(NotFittedError):
        getattr(plotting, name).from_estimator(ContrastiveClustering(), *arguments)


def test_without_matplotlib_nothing_is_predicted(
    fitted: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(ImportError, match=r"SilhouetteDisplay needs .*skdeepcluster\[plot\]"):
        SilhouetteDisplay.from_estimator(fitted.model, None)


def _lab(rgb: np.ndarray) -> np.ndarray:
    """Convert linear sRGB to CIELAB."""
    to_xyz = np.array(
        [[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]
    )
    xyz = to_xyz @ np.clip(rgb, 0, 1) / to_xyz.sum(axis=1)
    f = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


@pytest.mark.parametrize("sight", SIGHTS)
def test_colours_differ_to_every_eye(sight: str) -> None:
    linear = [np.power((np.array(to_rgb(c)) + 0.055) / 1.055, 2.4) for c in (*COLOURS, "white")]
    seen = [_lab(np.array(SIGHTS[sight]) @ colour) for colour in linear]
    # Below 5 for matplotlib's own ten colours.
    assert min(np.linalg.norm(a - b) for a, b in combinations(seen, 2)) > 15


def test_thirty_clusters_differ_in_colour_or_marker() -> None:
    for ground in ("white", "black"):
        ax = Figure().add_subplot(facecolor=ground)
        assert len({style(k, ax) for k in range(30)}) == 30
        assert not {style(k, ax)[0] for k in range(30)} & {ground}


@pytest.mark.parametrize(("display", "given"), DISPLAYS)
def test_lines_are_seen_on_dark_ground(display: Any, given: Any) -> None:
    with plt.style.context("dark_background"):
        ax = Figure().add_subplot()
        drawn = display.from_predictions(*given, ax=ax)
    lines = [to_rgb(line.get_color()) for line in drawn.ax_.lines]
    assert (0.0, 0.0, 0.0) not in lines
    for text in drawn.ax_.texts:
        for effect in text.get_path_effects():
            assert effect._gc["foreground"] != "white"


def test_maps_may_share_their_axes() -> None:
    figure = Figure()
    for ax in figure.subplots(1, 2, sharex=True, sharey=True):
        EmbeddingDisplay.from_predictions(X, LABELS, ax=ax)
    figure.canvas.draw()
    assert figure.axes[0].get_xlim() == figure.axes[1].get_xlim()
