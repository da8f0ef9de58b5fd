"""Docstrings are valid numpydoc, complete, and say the same thing in the same words."""

from __future__ import annotations

import ast
import importlib
import inspect
import pkgutil
from collections.abc import Iterator
from functools import cached_property
from types import FunctionType, ModuleType
from typing import Any

import pytest
from numpydoc.docscrape import NumpyDocString
from numpydoc.validate import validate

import skdeepcluster
from skdeepcluster.base import DeepClusterer

IGNORED = {
    "ES01",  # a summary line may say all there is to say
    "SA01",  # not every object has a relative worth pointing at
    "RT04",  # a description may begin with the name of a dtype, such as float32
    "EX01",  # examples stand with the estimators (see below), in the gallery and in the guide
}
# The methods describe the parameters that they share.
IGNORED_OF = {"skdeepcluster.base.DeepClusterer": {"PR01"}}

# Parameters whose texts begin alike: a method may add what its paper uses.
ADD_WHAT_THE_PAPER_USES = {"lr", "max_epochs", "weight_decay"}
# Parameters and attributes that the methods describe each in its own words, and why.
IN_OWN_WORDS = {
    "cluster_temperature": "TwinContrastClustering names the symbol in its equations",
    "embedding_dim": "the embedding of CLC has a second part",
    "momentum": "the networks that it moves, and its course, are others",
    "queue_length": "queues hold other things",
    "temperature": "each loss has its own",
    "cluster_centers_": "the embedding of CLC has a second part",
    "history_": "the terms of the losses are others",
}


def _modules() -> Iterator[ModuleType]:
    """Yield the package and all that is in it."""
    yield skdeepcluster
    for info in pkgutil.walk_packages(skdeepcluster.__path__, "skdeepcluster."):
        yield importlib.import_module(info.name)


def _objects() -> dict[str, Any]:
    """Map the full names of classes and functions that others may use to the objects."""
    found = {}
    for module in _modules():
        for name, thing in vars(module).items():
            is_own = getattr(thing, "__module__", "") == module.__name__
            if is_own and callable(thing) and not name.startswith("_"):
                found[f"{module.__name__}.{name}"] = thing
    return found


def _documented_by_a_base(owner: type, name: str) -> bool:
    """Whether an override has no docstring of its own but one of our base classes has."""
    ours = [base for base in owner.__mro__[1:] if base.__module__.startswith("skdeepcluster")]
    return not vars(owner)[name].__doc__ and any(
        vars(base)[name].__doc__ for base in ours if name in vars(base)
    )


def _members(owner: type) -> Iterator[tuple[str, Any]]:
    """Yield methods and properties that the package itself defines, with their full names."""
    kinds = (FunctionType, staticmethod, classmethod, property, cached_property)
    for base in owner.__mro__:
        if not base.__module__.startswith("skdeepcluster"):
            continue
        for name, member in vars(base).items():
            public = isinstance(member, kinds) and not name.startswith("_")
            if public and not _documented_by_a_base(base, name):
                yield f"{base.__module__}.{base.__qualname__}.{name}", member


def _is_brief(name: str, thing: Any) -> bool:
    """Whether one line says what a part of a method is; its contract stands with the base class."""
    return name.startswith("skdeepcluster.methods.") and "\n" not in (thing.__doc__ or "\n")


OBJECTS = _objects()
CLASSES = [thing for thing in OBJECTS.values() if inspect.isclass(thing)]
MEMBERS = dict(pair for thing in CLASSES for pair in _members(thing))
NAMES = sorted(name for name, thing in (OBJECTS | MEMBERS).items() if not _is_brief(name, thing))
ESTIMATORS = [getattr(skdeepcluster.methods, name) for name in skdeepcluster.methods.__all__]


@pytest.mark.parametrize("name", NAMES)
def test_docstring_is_valid_numpydoc(name: str) -> None:
    ignored = IGNORED | IGNORED_OF.get(name, set())
    errors = [error for error in validate(name)["errors"] if error[0] not in ignored]
    assert not errors, "\n".join(f"{name}: {code} {message}" for code, message in errors)


@pytest.mark.parametrize("estimator", ESTIMATORS)
@pytest.mark.parametrize("section", ["Parameters", "Attributes", "References", "Examples"])
def test_estimators_document_every_side(estimator: type, section: str) -> None:
    assert f"\n{section}\n{'-' * len(section)}\n" in (inspect.getdoc(estimator) or "")


def test_there_is_something_to_validate() -> None:
    assert len(NAMES) > 150
    assert "skdeepcluster.plotting.gallery.ClusterGalleryDisplay.plot" in NAMES
    assert "skdeepcluster.clustering.sinkhorn.sinkhorn" in NAMES
    assert "skdeepcluster.methods.clc.CLC" in NAMES


def _entries(estimator: type, section: str) -> dict[str, tuple[str, str]]:
    """Map what a section of a docstring describes to types without defaults, and to texts."""
    entries = NumpyDocString(inspect.getdoc(estimator) or "")[section]
    return {e.name: (e.type.partition(", default=")[0], " ".join(e.desc)) for e in entries}


def _by_name(section: str) -> dict[str, list[tuple[str, str]]]:
    """Map what several estimators describe to all descriptions of it."""
    found: dict[str, list[tuple[str, str]]] = {}
    for estimator in ESTIMATORS:
        for name, entry in _entries(estimator, section).items():
            found.setdefault(name, []).append(entry)
    return {name: entries for name, entries in found.items() if len(entries) > 1}


SHARED = _by_name("Parameters") | _by_name("Attributes")


@pytest.mark.parametrize("name", sorted(SHARED.keys() - IN_OWN_WORDS.keys()))
def test_shared_parameters_have_one_text(name: str) -> None:
    kinds, texts = zip(*SHARED[name], strict=True)
    assert len(set(kinds)) == 1
    if name in ADD_WHAT_THE_PAPER_USES:
        assert all(text.startswith(min(texts, key=len)) for text in texts)
    else:
        assert len(set(texts)) == 1


@pytest.mark.parametrize("name", sorted(IN_OWN_WORDS.keys() | ADD_WHAT_THE_PAPER_USES))
def test_parameters_in_own_words_differ(name: str) -> None:
    assert len(set(SHARED[name])) > 1


def _signature(estimator: type) -> dict[str, inspect.Parameter]:
    return dict(inspect.signature(estimator).parameters)


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_shared_parameters_have_one_order_and_annotation(estimator: type) -> None:
    ours = _signature(estimator)
    for other in (DeepClusterer, *ESTIMATORS):
        theirs = _signature(other)
        shared = [name for name in ours if name in theirs]
        assert shared == [name for name in theirs if name in ours]
        for name in set(shared) - IN_OWN_WORDS.keys():
            assert ours[name].annotation == theirs[name].annotation


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_documented_defaults_are_those_of_the_signature(estimator: type) -> None:
    for entry in NumpyDocString(inspect.getdoc(estimator) or "")["Parameters"]:
        default = ast.literal_eval(entry.type.partition(", default=")[2])
        assert default == _signature(estimator)[entry.name].default
