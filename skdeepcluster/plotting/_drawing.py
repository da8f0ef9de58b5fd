"""How displays draw: matplotlib on demand, colours that all can tell apart, names, images."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis
    from matplotlib.figure import Figure

BLACK = "#000000"

# Okabe and Ito's palette for all kinds of colour vision, with three of Tol's and Petroff's in place
# of its yellow, which small points on white do not show. Markers change with every cluster, so
# that 30 clusters look different.
COLOURS = (
    "#0072B2",
    "#E69F00",
    "#009E73",
    "#CC79A7",
    "#56B4E9",
    "#D55E00",
    BLACK,
    "#882255",
    "#332288",
    "#B9AC70",
)
MARKERS = ("o", "^", "s")
GREY = "#A0A0A0"
_MOST_NAMES = 120


def load_matplotlib(display: type, module: str = "matplotlib") -> Any:
    """
    Import matplotlib, or say which extra installs it.

    Parameters
    ----------
    display : type
        The display, named in the message.
    module : str, default="matplotlib"
        The module of matplotlib.

    Returns
    -------
    module
        The module.

    Raises
    ------
    ImportError
        If matplotlib is not installed.
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise ImportError(
            f"{display.__name__} needs matplotlib, which the plot extra installs: "
            'pip install "skdeepcluster[plot]".'
        ) from error


def new_figure(display: type, width: float, height: float, **options: Any) -> Figure:
    """
    Make a figure.

    Parameters
    ----------
    display : type
        The display that is to stand in it.
    width, height : float
        Its size in inches.
    **options : object
        More for ``matplotlib.pyplot.figure``.

    Returns
    -------
    matplotlib Figure
        The figure.

    Raises
    ------
    ImportError
        If matplotlib is not installed.
    """
    pyplot = load_matplotlib(display, "matplotlib.pyplot")
    figure: Figure = pyplot.figure(figsize=(width, height), **options)
    return figure


def axes_for(display: type, ax: Axes | None, width: float = 6.4, height: float = 4.8) -> Axes:
    """
    Find axes to draw on.

    Parameters
    ----------
    display : type
        The display that is to stand in them.
    ax : matplotlib Axes or None
        Axes given by the user.
    width, height : float
        Size of a new figure in inches.

    Returns
    -------
    matplotlib Axes
        The axes given, or those of a new figure.
    """
    if ax is not None:
        return ax
    return new_figure(display, width, height, layout="constrained").add_subplot()


def ink(ax: Axes) -> str:
    """
    Choose between black and white lines, by what they are drawn on.

    Parameters
    ----------
    ax : matplotlib Axes
        The axes, whose ground is light or dark.

    Returns
    -------
    str
        The colour.
    """
    from matplotlib.colors import to_rgba

    for place in (ax, ax.figure, ax.figure.figure):  # the last of a subfigure is the whole
        *ground, opacity = to_rgba(place.get_facecolor())
        if opacity > 0.5:
            return "white" if sum(ground) < 1.5 else "black"
    return "black"


def style(cluster: int, ax: Axes) -> tuple[str, str]:
    """
    Choose what the points of a cluster look like, the same in all displays.

    Parameters
    ----------
    cluster : int
        Number of the cluster, or less than 0 for noise.
    ax : matplotlib Axes
        Where they are drawn.

    Returns
    -------
    colour : str
        The colour; black is white on dark ground.
    marker : str
        Marker in matplotlib's notation.
    """
    if cluster < 0:
        return GREY, "."
    colour = COLOURS[cluster % len(COLOURS)]
    return ink(ax) if colour == BLACK else colour, MARKERS[cluster % len(MARKERS)]


def halo(ax: Axes) -> list[Any]:
    """
    Make the outline of text that stands on a drawing, in the colour of its ground.

    Parameters
    ----------
    ax : matplotlib Axes
        Where it stands.

    Returns
    -------
    list of path effects
        The outline.
    """
    from matplotlib.patheffects import withStroke

    return [withStroke(linewidth=3, foreground="black" if ink(ax) == "white" else "white")]


def name_ticks(axis: Axis, names: list[str], places: ArrayLike | None = None) -> None:
    """
    Name places along an axis: all of them, or every nth where they are very many.

    Parameters
    ----------
    axis : matplotlib Axis
        The axis.
    names : list of str
        The names.
    places : array-like of shape (n_names,), default=None
        Where they stand. None puts them at 0, 1, 2 and so on.
    """
    from matplotlib.axis import XAxis

    step = -(-len(names) // _MOST_NAMES)
    where = np.arange(len(names)) if places is None else np.asarray(places)
    axis.set_ticks(where[::step], names[::step], parse_math=False)
    axis.set_tick_params(
        labelsize="medium" if len(names) <= 15 else "x-small",
        labelrotation=90 if isinstance(axis, XAxis) and len(names) > 50 else 0,
    )


def as_pictures(images: Sequence[NDArray[Any]]) -> list[NDArray[Any]]:
    """
    Turn images into what matplotlib draws, scaled jointly.

    Parameters
    ----------
    images : sequence of ndarray of shape (n, channels, height, width)
        Groups of images, some of which may be empty.

    Returns
    -------
    list of ndarray of shape (n, height, width) or (n, height, width, 3)
        Grey or colour images, from 0 for the lowest value of all to 1 for the highest.
    """
    low = min((float(part.min()) for part in images if len(part)), default=0.0)
    high = max((float(part.max()) for part in images if len(part)), default=1.0)
    span = (high - low) or 1.0  # images of a single value must not be divided by 0
    return [_channels_last((part.astype(np.float64) - low) / span) for part in images]


def _channels_last(images: NDArray[Any]) -> NDArray[Any]:
    """Return colour images as (n, H, W, 3) and all others as grey (n, H, W)."""
    if images.shape[1] in (3, 4):
        return np.moveaxis(images[:, :3], 1, -1)
    return images.mean(axis=1)
