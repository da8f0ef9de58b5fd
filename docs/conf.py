"""Sphinx configuration; the build needs no network."""

from __future__ import annotations

import re
from importlib.metadata import version as installed_version
from typing import Any

from sphinx.application import Sphinx

project = "skdeepcluster"
author = "skdeepcluster developers"
copyright = f"2026, {author}"
release = version = installed_version("skdeepcluster")

extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.mathjax",
    "numpydoc",
    "sphinx_gallery.gen_gallery",
]
exclude_patterns = ["_build"]
templates_path = ["_templates"]
default_role = "literal"
nitpicky = False

autodoc_typehints = "none"  # the docstrings say more than the annotations
numpydoc_show_class_members = False

sphinx_gallery_conf = {
    "examples_dirs": "../examples",
    "gallery_dirs": "auto_examples",
    "download_all_examples": False,
    "ignore_pattern": r"(__init__|paper_.*)\.py",
}

html_theme = "pydata_sphinx_theme"
html_show_sourcelink = False
html_theme_options = {"navigation_with_keys": False, "show_prev_next": False}


def escape_shapes(
    _app: Sphinx, _what: str, _name: str, _obj: Any, _: Any, lines: list[str]
) -> None:
    """Keep reST from reading asterisks and final underscores in shapes as markup."""
    for i, line in enumerate(lines):
        if "``" not in line:
            lines[i] = re.sub(r"(?<=[ (])\*(?=[\w.]+[,)])|(?<=\w)_(?=[,)])", r"\\\g<0>", line)


def setup(app: Sphinx) -> None:
    """Run before numpydoc."""
    app.connect("autodoc-process-docstring", escape_shapes, priority=100)
