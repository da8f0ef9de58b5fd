"""Looking up a recipe by the names of a method and a data set."""

from __future__ import annotations

import copy
import re

from skdeepcluster.recipes import clc, contrastive_clustering, propos, twin_contrast
from skdeepcluster.recipes.common import Recipe

_BOOK = {
    "cc": contrastive_clustering.RECIPES,
    "tcc": twin_contrast.RECIPES,
    "clc": clc.RECIPES,
    "propos": propos.RECIPES,
}
_ALIASES = {"contrastiveclustering": "cc", "twincontrastclustering": "tcc", "cdc": "clc"}


def known_recipes() -> list[tuple[str, str]]:
    """
    List the pairs of method and data set that have a recipe.

    Returns
    -------
    list of tuple of str
        Arguments of `recipe`.
    """
    return [(method, data) for method, recipes in _BOOK.items() for data in recipes]


def recipe(method: str, data: str) -> Recipe:
    """
    Return a paper's settings for one of its data sets.

    Parameters
    ----------
    method : str
        ``"cc"``, ``"tcc"``, ``"clc"`` or ``"propos"``, or the name of the estimator's class.
    data : str
        ``"cifar10"``, ``"cifar20"``, ``"stl10"``, ``"imagenet10"``, ``"imagenet_dogs"``,
        ``"tiny_imagenet"`` or ``"imagenet"``. Case and punctuation do not matter in either name.

    Returns
    -------
    Recipe
        A dict of the estimator's parameters, with the paper's results and notes. It is a copy, so
        you may change it.

    Raises
    ------
    ValueError
        If there is no recipe; the message lists the pairs that have one.
    """
    short = _plain(method)
    for name, found in _BOOK.get(_ALIASES.get(short, short), {}).items():
        if _plain(name) == _plain(data):
            return copy.deepcopy(found)
    known = "; ".join(f"{name!r} with {', '.join(recipes)}" for name, recipes in _BOOK.items())
    raise ValueError(f"No recipe for method={method!r} and data={data!r}. There are: {known}.")


def _plain(name: str) -> str:
    return re.sub("[^a-z0-9]", "", name.lower())
