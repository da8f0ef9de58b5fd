"""Sphinx configuration; the build can do without the network."""

from __future__ import annotations

import os
import re
import sys
import warnings
from importlib.metadata import version as installed_version
from pathlib import Path
from typing import Any

from numpydoc.xref import DEFAULT_LINKS
from sklearn.exceptions import ConvergenceWarning
from sphinx.application import Sphinx
from sphinx_gallery.sorting import ExplicitOrder

sys.path.insert(0, str(Path(__file__).parent / "_ext"))

project = "skdeepcluster"
author = "skdeepcluster developers"
copyright = f"2026, {author}"
release = version = installed_version("skdeepcluster")

extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.intersphinx",
    "mathml",
    "numpydoc",
    "result_plot",
    "sphinx_copybutton",
    "sphinx_design",
    "sphinx_gallery.gen_gallery",
]
exclude_patterns = ["_build"]
templates_path = ["_templates"]
default_role = "literal"

# Where the network or a site cannot be reached, the few names that the reference uses will do.
intersphinx_mapping = {
    name: (url, (None, f"_inventories/{name}.inv"))
    for name, url in {
        "matplotlib": "https://matplotlib.org/stable/",
        "numpy": "https://numpy.org/doc/stable/",
        "sklearn": "https://scikit-learn.org/stable/",
        "torch": "https://docs.pytorch.org/docs/stable/",
    }.items()
}
intersphinx_timeout = 5

add_module_names = False
toc_object_entries_show_parents = "hide"
autodoc_typehints = "none"  # the docstrings say more than the annotations
numpydoc_show_class_members = False
numpydoc_xref_param_type = True
numpydoc_xref_ignore = "all"  # but these
numpydoc_xref_aliases = {
    "Axes": "matplotlib.axes.Axes",
    "Figure": "matplotlib.figure.Figure",
    "SubFigure": "matplotlib.figure.SubFigure",
    "Tensor": "torch.Tensor",
    "ndarray": "numpy.ndarray",
    "nn.Module": "torch.nn.Module",
    "torch.Tensor": "torch.Tensor",
}
DEFAULT_LINKS.clear()  # glossaries and labels of other sites

# Examples that train for a short time say so in words.
warnings.filterwarnings("ignore", category=ConvergenceWarning)

sphinx_gallery_conf = {
    "examples_dirs": "../examples",
    "gallery_dirs": "auto_examples",
    "backreferences_dir": "api/generated/backreferences",
    "doc_module": ("skdeepcluster",),
    "capture_repr": (),  # what a cell prints and draws, not what its last line happens to be
    "download_all_examples": False,
    "ignore_pattern": r"(__init__|paper_.*)\.py",
    "matplotlib_animations": False,
    "remove_config_comments": True,
    "show_memory": False,
    "show_signature": False,
    "subsection_order": ExplicitOrder(
        [
            "../examples/results",
            "../examples/images",
            "../examples/networks",
            "../examples/files",
        ]
    ),
    "thumbnail_size": (400, 280),
    "write_computation_times": False,  # their page needs the network
    "within_subsection_order": ExplicitOrder(
        [
            "plot_quickstart.py",
            "plot_pipeline_and_search.py",
            "plot_own_method.py",
            "plot_displays.py",
            "plot_four_methods.py",
            "plot_confusion.py",
            "plot_unknown_k.py",
            "plot_few_labels.py",
            "plot_imbalanced.py",
            "plot_views.py",
            "plot_colour_patches.py",
            "plot_shape_or_colour.py",
            "plot_embedding_map.py",
            "plot_pretrained_features.py",
            "plot_fine_tuning.py",
            "plot_own_backbone.py",
            "plot_report.py",
            "plot_resume.py",
            "plot_memory_map.py",
        ]
    ),
}

html_theme = "pydata_sphinx_theme"
html_title = project
html_logo = "_static/logo.svg"
html_favicon = "_static/logo.svg"
html_static_path = ["_static"]
html_context = {"default_mode": "auto"}
html_css_files = ["custom.css"]
html_math_renderer = "mathml"
html_show_sourcelink = False
html_sidebars = {
    "index": [],
    "install": [],
    "start": [],
    "results": [],
    "choices": [],
    "faq": [],
    "404": [],
}
html_theme_options = {
    "collapse_navigation": True,
    "footer_end": [],
    "footer_start": ["copyright"],
    "header_links_before_dropdown": 8,
    "logo": {"text": project},
    "navbar_align": "left",
    "navbar_end": ["version-switcher", "theme-switcher"],
    "navigation_with_keys": False,
    "secondary_sidebar_items": {"**": ["page-toc"], "index": [], "404": []},
    "show_toc_level": 2,
    "switcher": {"json_url": "_static/switcher.json", "version_match": release},
}
copybutton_prompt_text = r">>> |\.\.\. |\$ "
copybutton_prompt_is_regexp = True


def escape_shapes(
    _app: Sphinx, _what: str, _name: str, _obj: Any, _: Any, lines: list[str]
) -> None:
    """Keep reST from reading asterisks and final underscores in shapes as markup."""
    for i, line in enumerate(lines):
        parts = re.split(r"(`+[^`]*`+)", line)  # what is quoted stands at the odd places
        parts[::2] = [
            re.sub(r"(?<=[ (])\*(?=[\w.]+[,)])|(?<=\w)_(?=[,)])", r"\\\g<0>", p) for p in parts[::2]
        ]
        lines[i] = "".join(parts)


def mend(
    _app: Sphinx, pagename: str, _template: str, context: dict[str, Any], _doctree: Any
) -> None:
    """Describe the page, let 404.html find its style, drop roles that screen readers reject."""
    if pagename == "404":
        root = os.environ.get("DOCS_ROOT", "/")  # where the site begins
        context["metatags"] = f'<base href="{root}" />' + context.get("metatags", "")
    body = context.get("body", "")
    first = re.search(r"<p>(.*?)</p>", body, re.S)
    if first:
        words = " ".join(re.sub("<[^>]*>", "", first[1]).split()).replace('"', "&quot;")
        about = f'<meta name="description" content="{words[:200]}" />'
        context["metatags"] = about + context.get("metatags", "")
    if 'class="citation-list"' in body:
        context["body"] = body.replace(' role="doc-biblioentry"', "").replace(
            '<div role="list" class="citation-list">', '<div class="citation-list">'
        )


def setup(app: Sphinx) -> None:
    """Run before numpydoc."""
    app.connect("autodoc-process-docstring", escape_shapes, priority=100)
    app.connect("html-page-context", mend)
