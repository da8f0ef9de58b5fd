"""Imports go down only, and no module imports itself on a way round."""

from __future__ import annotations

import ast
import graphlib
from pathlib import Path

import grimp
import pytest

import skdeepcluster

# From low to high; what stands on one line does not import its neighbours.
LAYERS = [
    {"_files", "_text", "_torch_state", "_version", "_warn", "constraints"},
    {"data", "losses"},
    {"augmentation", "clustering", "networks"},
    {"training"},
    {"fitting", "persistence"},
    {"base"},
    {"methods"},
    {"datasets", "features", "metrics", "plotting", "recipes", "serving"},
    {"report"},
    {"cli"},
    {"__main__"},
]


@pytest.fixture(scope="module")
def graph():
    return grimp.build_graph("skdeepcluster", cache_dir=None)


def test_every_part_has_a_layer(graph):
    parts = {name.rpartition(".")[2] for name in graph.find_children("skdeepcluster")}
    assert parts == set().union(*LAYERS)


def test_imports_go_down_only(graph):
    layers = tuple(grimp.Layer(*layer, independent=True) for layer in reversed(LAYERS))
    illegal = graph.find_illegal_dependencies_for_layers(layers, containers={"skdeepcluster"})
    assert not {(chain.importer, chain.imported) for chain in illegal}


def test_there_are_no_rings(graph):
    imports = {name: graph.find_modules_directly_imported_by(name) for name in graph.modules}
    assert len(list(graphlib.TopologicalSorter(imports).static_order())) == len(graph.modules)


def exported():
    """Yield the names that modules export, with the module's."""
    for path in sorted(Path(skdeepcluster.__file__).parent.rglob("*.py")):
        for node in ast.parse(path.read_text()).body:
            if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
                module = ".".join(path.relative_to(Path(skdeepcluster.__file__).parent).parts)
                yield from ((module, name) for name in ast.literal_eval(node.value))


def test_public_names_are_few_and_documented():
    pages = Path(__file__).parents[1] / "docs" / "api" / "index.rst"
    listed = {line.strip().rpartition(".")[2] for line in pages.read_text().splitlines()}
    names = {name for _, name in exported()}
    assert len(names) <= 44
    assert names - {"__version__"} <= listed
