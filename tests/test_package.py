"""The package as installed: version, typing marker, public names, and a light, quiet import."""

from __future__ import annotations

import ast
import configparser
import importlib
import json
import pkgutil
import re
import subprocess
import sys
from importlib import metadata, resources
from pathlib import Path
from typing import Any

import pytest

import skdeepcluster

ROOT = Path(__file__).parents[1]

IMPORT = """
import builtins, importlib.metadata, json, random, sys
import numpy, sklearn.base, torch

def state():
    return (
        random.getstate(),
        [str(part) for part in numpy.random.get_state()],
        torch.get_rng_state().tolist(),
        str(torch.get_default_dtype()),
        torch.get_num_threads(),
        torch.are_deterministic_algorithms_enabled(),
        torch.backends.cudnn.benchmark,
        torch.get_float32_matmul_precision(),
    )

asked, plain_import = set(), builtins.__import__

def spy(name, scope=None, local=None, names=(), level=0):
    if (scope or {}).get("__name__", "").startswith("skdeepcluster"):
        asked.update([name, *(f"{name}.{part}" for part in names or ())])
    return plain_import(name, scope, local, names, level)

find = importlib.metadata.Distribution.from_name

def find_others(name):
    if name == "skdeepcluster":
        raise importlib.metadata.PackageNotFoundError(name)
    return find(name)

loaded, before = set(sys.modules), state()
builtins.__import__ = spy
importlib.metadata.Distribution.from_name = find_others
import skdeepcluster
alone = not {name.partition(".")[0] for name in asked} & {"torch", "sklearn", "numpy"}
skdeepcluster.CLC, skdeepcluster.load
print(json.dumps({
    "alone": alone,
    "new": sorted(set(sys.modules) - loaded),
    "asked": sorted(asked),
    "quiet": state() == before,
    "version": skdeepcluster.__version__,
}))
"""


def _setup() -> configparser.ConfigParser:
    parser = configparser.ConfigParser()
    parser.read(ROOT / "setup.cfg")
    return parser


def test_version_is_the_same_everywhere() -> None:
    version = skdeepcluster.__version__
    assert _setup()["metadata"]["version"] == "attr: skdeepcluster._version.__version__"
    assert metadata.version("skdeepcluster") == version
    assert f"\nversion: {version}\n" in (ROOT / "CITATION.cff").read_text()
    assert f"\n## [{version}] - " in (ROOT / "CHANGELOG.md").read_text()


def _recipe() -> str:
    return (ROOT / "recipe" / "recipe.yaml").read_text()


def test_the_site_and_the_conda_recipe_have_the_version() -> None:
    version = skdeepcluster.__version__
    switcher = json.loads((ROOT / "docs" / "_static" / "switcher.json").read_text())
    assert version in [entry["version"] for entry in switcher]
    assert f'\n  version: "{version}"\n' in _recipe()


def test_the_conda_recipe_needs_what_the_package_needs() -> None:
    options = _setup()["options"]
    needed = options["install_requires"].replace("torch>", "pytorch>").split()
    run = re.search(r"\n  run:\n((?:    - .*\n)+)", _recipe())
    assert run
    python, *found = [line.removeprefix("    - ") for line in run[1].splitlines()]
    assert python == "python >=${{ python_min }}"
    assert f'python_min: "{options["python_requires"].removeprefix(">=")}"' in _recipe()
    assert sorted(line.replace(" ", "") for line in found) == sorted(needed)


def test_typing_marker_is_shipped() -> None:
    assert resources.files("skdeepcluster").joinpath("py.typed").is_file()
    assert "py.typed" in _setup()["options.package_data"]["skdeepcluster"].split()


def _exporting() -> list[str]:
    """List the modules that have a list of public names."""
    walk = pkgutil.walk_packages(skdeepcluster.__path__, "skdeepcluster.")
    names = ["skdeepcluster", *(info.name for info in walk)]
    return [name for name in names if hasattr(importlib.import_module(name), "__all__")]


@pytest.mark.parametrize("exporting", _exporting())
def test_every_public_name_resolves(exporting: str) -> None:
    module = importlib.import_module(exporting)
    assert len(set(module.__all__)) == len(module.__all__)
    for name in module.__all__:
        assert getattr(module, name) is not None
    assert set(module.__all__) <= set(dir(module))


@pytest.fixture(scope="module")
def fresh_import() -> dict[str, Any]:
    """
    Import the package in a fresh interpreter and report what that loaded and changed.

    There the package seems not to be installed, as on a path that merely leads to its folder.
    """
    run = subprocess.run(
        [sys.executable, "-c", IMPORT], capture_output=True, text=True, check=True, cwd=ROOT
    )
    return dict(json.loads(run.stdout))


@pytest.mark.parametrize("heavy", ["torchvision", "matplotlib", "scipy.optimize", "tqdm", "pandas"])
def test_import_leaves_heavy_modules_for_later(fresh_import: dict[str, Any], heavy: str) -> None:
    for report in ("new", "asked"):
        names = fresh_import[report]
        assert not [name for name in names if name == heavy or name.startswith(f"{heavy}.")]


def test_the_package_is_there_before_torch(fresh_import: dict[str, Any]) -> None:
    """While torch is imported, Ctrl-C ends the command without a traceback."""
    assert fresh_import["alone"] is True
    assert {*skdeepcluster.__all__} <= {*dir(skdeepcluster)}
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = skdeepcluster.nothing


def test_import_changes_no_global_state(fresh_import: dict[str, Any]) -> None:
    assert fresh_import["quiet"] is True


def test_import_needs_no_installation(fresh_import: dict[str, Any]) -> None:
    assert fresh_import["version"] == skdeepcluster.__version__


def _readme_blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", (ROOT / "README.md").read_text(), re.M | re.S)


@pytest.mark.parametrize("block", _readme_blocks("python"))
def test_readme_python_parses_and_names_what_exists(block: str) -> None:
    for node in ast.walk(ast.parse(block)):
        if isinstance(node, ast.ImportFrom):
            module = importlib.import_module(str(node.module))
            assert all(hasattr(module, alias.name) for alias in node.names)


def test_readme_commands_name_extras_and_files_that_exist() -> None:
    commands = " ".join(_readme_blocks("bash"))
    extras = set(re.findall(r"\.\[(\w+)\]", commands))
    assert extras == {"app", "plot", "test"}
    assert extras <= set(_setup()["options.extras_require"])
    scripts = re.findall(r"python (\S+)", commands)
    assert scripts == ["examples/plot_quickstart.py"]
    assert all((ROOT / script).is_file() for script in scripts)
