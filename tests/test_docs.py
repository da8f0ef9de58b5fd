"""The guide, the reference and the gallery name all that there is, and nothing else."""

from __future__ import annotations

import ast
import importlib
import pkgutil
import re
from pathlib import Path

import pytest

import skdeepcluster
from skdeepcluster import methods

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
NO_PAGES = {"_build", "_templates", "auto_examples", "generated", "sg_execution_times.rst"}
PAGES = sorted(p for p in DOCS.rglob("*.rst") if not NO_PAGES & set(p.parts))
TEXTS = {path.relative_to(DOCS).with_suffix("").as_posix(): path.read_text() for path in PAGES}
API = TEXTS["api/index"]
GUIDE = re.findall(r"^   (\w+)$", TEXTS["guide"], re.M)
SCRIPTS = {path.name: path for path in (ROOT / "examples").rglob("plot_*.py")}


def _public_names() -> list[str]:
    """List what the package's modules export, each under the shortest name."""
    walk = pkgutil.walk_packages(skdeepcluster.__path__, "skdeepcluster.")
    modules = ["skdeepcluster", *(info.name for info in walk)]
    public = [module for module in modules if module != "skdeepcluster.methods"]
    return [
        f"{module}.{name}"
        for module in public
        for name in getattr(importlib.import_module(module), "__all__", ())
    ]


def _imported(script: Path) -> set[str]:
    """Return the names that a script imports from the package."""
    imports = [n for n in ast.walk(ast.parse(script.read_text())) if isinstance(n, ast.ImportFrom)]
    own = [n for n in imports if (n.module or "").startswith("skdeepcluster")]
    return {alias.name for node in own for alias in node.names}


def _in_toctrees() -> set[str]:
    """Return the pages that toctrees name, relative to the root of the guide."""
    found = set()
    for page, text in TEXTS.items():
        folder = page.rpartition("/")[0]
        for tree in re.findall(r"^\.\. toctree::\n((?:\n|   .*\n)+)", text, re.M):
            for line in tree.splitlines():
                target = re.fullmatch(r"   (?:.*<)?([\w/]+)>?", line)
                if target:
                    found.add(f"{folder}/{target[1]}".lstrip("/"))
    return found


@pytest.mark.parametrize("name", _public_names())
def test_each_public_object_stands_once_in_the_reference(name: str) -> None:
    assert len(re.findall(rf"(?<![\w.]){re.escape(name)}$", API, re.M)) == 1


@pytest.mark.parametrize("name", re.findall(r"^   (skdeepcluster\.[\w.]+)$", API, re.M))
def test_the_reference_names_only_what_exists(name: str) -> None:
    assert name in _public_names()


def test_each_page_can_be_reached_from_the_menus() -> None:
    lonely = set(TEXTS) - _in_toctrees() - {"index"}
    assert {page for page in lonely if not TEXTS[page].startswith(":orphan:")} == set()


@pytest.mark.parametrize("page", ["start", *GUIDE])
def test_each_page_of_the_guide_has_code_that_runs(page: str) -> None:
    assert "\n>>> " in TEXTS[page]


def test_pictures_of_the_pages_exist() -> None:
    names = set(re.findall(r"_static/[\w.]+", "\n".join(TEXTS.values())))
    assert {name for name in names if not (DOCS / name).is_file()} == set()
    assert "_static/front_light.png" in names


def test_links_to_examples_lead_to_scripts() -> None:
    links = re.findall(r"sphx_glr_auto_examples_(\w+\.py)", "\n".join(TEXTS.values()))
    existing = {
        "_".join(path.relative_to(ROOT / "examples").parts): name for name, path in SCRIPTS.items()
    }
    assert set(links) <= set(existing)
    assert len(links) > 10


def test_the_readme_names_pages_that_exist() -> None:
    pages = re.findall(r"docs/[\w/]+\.rst", (ROOT / "README.md").read_text())
    assert pages
    assert [page for page in pages if not (ROOT / page).is_file()] == []


def test_the_gallery_has_an_order_for_each_script() -> None:
    ordered = re.findall(r'"(plot_\w+\.py)"', (DOCS / "conf.py").read_text())
    assert sorted(ordered) == sorted(SCRIPTS)
    assert len(ordered) >= 12


@pytest.mark.parametrize("name", sorted(SCRIPTS))
def test_each_example_says_what_it_shows_and_draws_it(name: str) -> None:
    text = SCRIPTS[name].read_text()
    docstring = ast.get_docstring(ast.parse(text)) or ""
    assert len(docstring.split("\n\n", 1)[1]) > 100
    assert re.search(r"Display\.from_|plt\.", text)
    assert "verbose=1" not in text  # progress bars are for terminals


@pytest.mark.parametrize("estimator", methods.__all__)
def test_each_estimator_has_an_example(estimator: str) -> None:
    assert [name for name, script in SCRIPTS.items() if estimator in _imported(script)]


@pytest.mark.parametrize("folder", sorted({p.parent for p in SCRIPTS.values()}))
def test_each_section_of_the_gallery_has_a_header(folder: Path) -> None:
    assert (folder / "GALLERY_HEADER.rst").is_file()
