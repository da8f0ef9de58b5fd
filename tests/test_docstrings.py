"""Every public object carries a docstring that the numpydoc validation accepts."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Iterator
from functools import cached_property
from types import FunctionType, ModuleType
from typing import Any

import pytest
from numpydoc.validate import validate

import skdeepcluster

IGNORED = {
    "ES01",  # a summary line may say all there is to say
    "SA01",  # not every object has a relative worth pointing at
    "RT04",  # a description may begin with the name of a dtype, such as float32
    "EX01",  # examples stand with the estimators (see below), in the gallery and in the guide
}


def _packages() -> Iterator[ModuleType]:
    """Yield the package and all its public subpackages."""
    yield skdeepcluster
    for info in pkgutil.walk_packages(skdeepcluster.__path__, "skdeepcluster."):
        if info.ispkg and not info.name.rpartition(".")[2].startswith("_"):
            yield importlib.import_module(info.name)


def _public_objects() -> dict[str, Any]:
    """Map the full names of all public classes and functions to the objects."""
    found = {}
    for package in _packages():
        for name in package.__all__:
            thing = getattr(package, name)
            if inspect.isclass(thing) or inspect.isfunction(thing):
                found[f"{thing.__module__}.{thing.__qualname__}"] = thing
    return found


def _documented_by_a_base(owner: type, name: str) -> bool:
    """Whether an override has no docstring of its own but one of our base classes has."""
    ours = [base for base in owner.__mro__[1:] if base.__module__.startswith("skdeepcluster")]
    return not vars(owner)[name].__doc__ and any(
        vars(base)[name].__doc__ for base in ours if name in vars(base)
    )


def _public_members(owner: type) -> Iterator[str]:
    """Yield the full names of public methods and properties that the package itself defines."""
    kinds = (FunctionType, staticmethod, classmethod, property, cached_property)
    for base in owner.__mro__:
        if not base.__module__.startswith("skdeepcluster"):
            continue
        for name, member in vars(base).items():
            public = isinstance(member, kinds) and not name.startswith("_")
            if public and not _documented_by_a_base(base, name):
                yield f"{base.__module__}.{base.__qualname__}.{name}"


OBJECTS = _public_objects()
CLASSES = [thing for thing in OBJECTS.values() if inspect.isclass(thing)]
NAMES = sorted({*OBJECTS, *(member for thing in CLASSES for member in _public_members(thing))})
ESTIMATORS = [thing for thing in CLASSES if hasattr(thing, "fit_predict")]


@pytest.mark.parametrize("name", NAMES)
def test_docstring_is_valid_numpydoc(name: str) -> None:
    errors = [error for error in validate(name)["errors"] if error[0] not in IGNORED]
    assert not errors, "\n".join(f"{name}: {code} {message}" for code, message in errors)


@pytest.mark.parametrize("estimator", ESTIMATORS)
@pytest.mark.parametrize("section", ["Parameters", "Attributes", "References", "Examples"])
def test_estimators_document_every_side(estimator: type, section: str) -> None:
    assert f"\n{section}\n{'-' * len(section)}\n" in (inspect.getdoc(estimator) or "")


def test_there_is_something_to_validate() -> None:
    assert ESTIMATORS
    assert "skdeepcluster.plotting.gallery.ClusterGalleryDisplay.plot" in NAMES
