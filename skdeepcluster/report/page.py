"""The report: one file that shows the clusters, and in which they are named."""

from __future__ import annotations

import base64
import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.utils.validation import check_array

from skdeepcluster._files import refuse_existing, write_whole
from skdeepcluster._version import __version__
from skdeepcluster.clustering.suggestions import open_rows
from skdeepcluster.data.samples import Samples, read_samples
from skdeepcluster.plotting._checks import final_step
from skdeepcluster.report.contents import contents, embedded, first_shown
from skdeepcluster.report.files import file_names, file_table, shown, unread_files
from skdeepcluster.report.names import first_names
from skdeepcluster.report.summary import Assignment, assignment, findings, trust_in
from skdeepcluster.report.thumbnails import Thumbnails

PAGE_BYTES = 15_000_000
LEAST_FOR_THUMBNAILS = 5_000_000  # where the page would be larger than that without any


def write_report(
    model: Any,
    images: Any,
    path: str | os.PathLike[str],
    *,
    filenames: Sequence[str | os.PathLike[str]] | None = None,
    skipped: Sequence[tuple[str | os.PathLike[str], str]] = (),
    title: str | None = None,
    names: Mapping[int, str] | None = None,
    known_labels: Any = None,
    overwrite: bool = False,
    random_state: int | np.random.RandomState | None = None,
) -> Path:
    """
    Write a page that shows what a fitted estimator has found in images.

    The page is one file that needs no network. It begins with reasons not to trust the clusters,
    and shows their sizes, their most certain and most doubtful members, pairs that are hard to
    tell apart, images that it is worth labelling next, a map of the embedding, and the nearest
    neighbours of each image. Clusters can be named and merged in it, and the names saved as a file
    that `read_names` reads.

    Parameters
    ----------
    model : estimator with ``predict_proba`` and ``transform``
        A fitted estimator, or a pipeline that ends in one.
    images : array-like or torch.Tensor of shape (n_samples, ...)
        Images, in a layout that the estimator accepts. They need not be those of `fit`.
    path : str or path
        Where to. The file is written beside and renamed, so that it is there whole or not.
    filenames : sequence of str or path, default=None
        The file that each image was read from. The page shows and searches them, and links to
        those of which it has no thumbnail, relative to `path`: keep their places to each other.
    skipped : sequence of (filename, reason), default=()
        Files that could not be read, which the page warns of.
    title : str, default=None
        Heading of the page. None is "Clusters of images".
    names : mapping of int to str, default=None
        Names that clusters have until they are given others in the page, such as `read_names`
        returns. None names those that stand for a known class by its number.
    known_labels : array-like of shape (n_samples,), dtype int, default=None
        Classes of the images whose class is known, -1 for all others: only these are suggested
        for labelling.
    overwrite : bool, default=False
        Whether a file that is there is replaced.
    random_state : int, RandomState instance or None, default=None
        Seed of the map. With an integer, the same input gives the same bytes.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    ValueError
        If `images` holds vectors, or differs from `filenames` or `known_labels` in length, or
        `names` has one for a cluster that there is not.
    TypeError
        If `model` has no ``predict_proba`` or ``transform``, a file name is no path, `title` or a
        name no text, or `known_labels` are not integers.
    FileExistsError
        If there is a file and `overwrite` is False.
    ImportError
        If jinja2 or Pillow is not installed.
    OSError
        If the file cannot be written.

    See Also
    --------
    read_names : Reads the names that are given to clusters in the page.
    skdeepcluster.plotting.ClusterGalleryDisplay : The most certain members, for print.

    Notes
    -----
    A cluster is doubtful if its mean confidence, counted from that of chance, is below 0.8 of the
    median of the other clusters, or if its ``cluster_trust_`` is below one half. Thumbnails are 64
    pixels wide or high at most. The page holds as many as fit into 15 MB, beginning with those that
    it shows first; what else it knows of 20,000 images takes about 2 MB of these. Of far more
    images the page is larger, and slow to open. Neighbours are exact, so the time for them grows
    with the square of the number of images.
    """
    _require_extra()
    if not isinstance(title, (str, type(None))):
        raise TypeError(f"title must be text or None; got {title!r}.")
    path = Path(path)
    _check_target(path, overwrite)
    samples = _read_images(model, images)
    paths = None if filenames is None else file_names(filenames, len(samples))
    unread = unread_files(skipped)
    unlabelled = open_rows(0, len(samples), known_labels)
    found = assignment(_of_model(model, "predict_proba", images, len(samples)))
    last, n_clusters = final_step(model), len(found.sizes)
    trust, called = trust_in(last, n_clusters), first_names(names, last, n_clusters)
    embedding = _of_model(model, "transform", images, len(samples))
    known = contents(found, embedding, trust, called, unlabelled, random_state)
    known["files"] = None if paths is None else file_table(paths, path.parent)
    thumbnails = Thumbnails(samples)
    known["side"] = max(thumbnails.shape[1:])
    page = {
        "title": "Clusters of images" if title is None else shown(title),
        "subtitle": _subtitle(model, found),
        "has_pairs": bool(known["pairs"]),
        "has_suggestions": bool(known["suggested"]),
        "findings": list(findings(found, trust, _asked(last), unread)),
    }
    write_whole(path, [_render(page, known, thumbnails)], overwrite=overwrite)
    return path


def _require_extra() -> None:
    """Refuse before any work where the extra is not installed."""
    try:
        import jinja2  # noqa: F401
        import PIL.Image  # noqa: F401
    except ImportError as error:
        raise ImportError(
            "write_report needs jinja2 and Pillow, which the app extra installs: "
            'pip install "skdeepcluster[app]".'
        ) from error


def _check_target(path: Path, overwrite: bool) -> None:
    """Refuse before any work what cannot be written to."""
    if not overwrite:
        refuse_existing(path)
    if path.is_dir():
        raise IsADirectoryError(f"{str(path)!r} is a folder; path must name a file.")
    if not path.parent.is_dir():
        raise FileNotFoundError(f"{str(path)!r} cannot be written: there is no such folder.")


def _asked(estimator: Any) -> Any:
    """Return the number of clusters that was trained for, which n_clusters="auto" does not say."""
    fitted = getattr(estimator, "_model", None)
    return fitted.n_clusters if fitted else getattr(estimator, "n_clusters", None)


def _read_images(model: Any, images: Any) -> Samples:
    """Read images in the layout of the model."""
    for method in ("predict_proba", "transform"):
        if not hasattr(model, method):
            raise TypeError(f"model must have {method}; got {model!r}.")
    last = final_step(model)
    samples = read_samples(
        images, getattr(last, "image_shape", None), getattr(last, "channel_axis", "auto")
    )
    if not samples.layout.is_image:
        raise ValueError(
            f"images must hold images, got vectors of {samples.shape[0]} features; where they are "
            "flattened images, set the estimator's image_shape."
        )
    return samples


def _of_model(model: Any, method: str, images: Any, n: int) -> NDArray[Any]:
    """Return what a method of the model gives for the images, one row each."""
    table: NDArray[Any] = check_array(
        getattr(model, method)(images), dtype=[np.float32, np.float64], input_name=method
    )
    if len(table) != n:
        raise ValueError(
            f"{method} of the model must give {n} rows, one an image; got {len(table)}."
        )
    return table


def _subtitle(model: Any, found: Assignment) -> str:
    filled = int(np.count_nonzero(found.sizes))
    parts = (
        f"{len(found.labels):,} {'image' if len(found.labels) == 1 else 'images'}",
        f"{filled} {'cluster' if filled == 1 else 'clusters'}",
        type(final_step(model)).__name__,
        f"skdeepcluster {__version__}",
    )
    return " · ".join(parts)


def _render(page: dict[str, Any], known: dict[str, Any], thumbnails: Thumbnails) -> bytes:
    """Put everything into one file."""
    import jinja2

    parts = {"css": _template("report.css"), "js": _template("map.js") + _template("report.js")}
    digest = hashlib.sha256(_json(known).encode()).hexdigest()[:16]
    room = PAGE_BYTES - len(_json(known).encode()) - sum(map(len, parts.values()))
    first = first_shown(known)
    budget = max(room - 4 * known["count"], LEAST_FOR_THUMBNAILS)
    texts = embedded(thumbnails, first, known["count"], budget)
    template = jinja2.Environment(autoescape=True).from_string(_template("report.html.jinja"))
    return template.render(
        page,
        **parts,
        hashes={name: _hash(text) for name, text in parts.items()},
        data=_json({"id": digest, **known, "thumbnails": texts}),
    ).encode()


def _template(name: str) -> str:
    return (files("skdeepcluster.report") / "templates" / name).read_text(encoding="utf-8")


def _hash(text: str) -> str:
    """Return what allows a script or a style, and no other, in a policy."""
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode("ascii")


def _json(value: Any) -> str:
    """Write JSON that cannot end the element of a page that it stands in."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return text.replace("<", r"\u003c").replace(">", r"\u003e").replace("&", r"\u0026")
