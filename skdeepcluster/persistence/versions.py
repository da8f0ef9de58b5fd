"""Which versions made a model, and what to say where others read it."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import sklearn
import torch

from skdeepcluster._version import __version__

DECISIVE = ("skdeepcluster", "torch")


def present_versions() -> dict[str, str]:
    """
    Collect the versions that a saved model names.

    Returns
    -------
    dict of str to str
        Version of each package.
    """
    return {
        "skdeepcluster": __version__,
        "torch": str(torch.__version__),
        "sklearn": sklearn.__version__,
        "numpy": np.__version__,
    }


def version_note(found: Mapping[str, str]) -> str:
    """
    Say which versions differ between the making and the reading of a model.

    Parameters
    ----------
    found : mapping of str to str
        Versions that made it. Those of skdeepcluster and torch count, builds of one version
        (``2.4.0+cpu``) do not.

    Returns
    -------
    str
        One sentence or two, empty where all agree.
    """
    here = present_versions()
    others = [
        name
        for name in DECISIVE
        if name in found and found[name].partition("+")[0] != here[name].partition("+")[0]
    ]
    if not others:
        return ""
    made, read = (", ".join(f"{n} {v[n]}" for n in others) for v in (found, here))
    return f"The model was saved with {made} and is read with {read}. Its results may differ."
