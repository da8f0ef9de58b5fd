"""The estimators that files may name: those that are imported."""

from __future__ import annotations

from typing import Any

_CLASSES: dict[tuple[str, str], type[Any]] = {}


def register(cls: type[Any]) -> None:
    """
    Make an estimator known to `load`; of two with one name, the later counts.

    Parameters
    ----------
    cls : type
        The estimator's class.
    """
    _CLASSES[cls.__module__, cls.__qualname__] = cls


def find_class(module: str, name: str) -> type[Any]:
    """
    Find an estimator without importing anything.

    Parameters
    ----------
    module, name : str
        Where the class was defined, and its qualified name.

    Returns
    -------
    type
        The class.

    Raises
    ------
    ValueError
        If no such estimator is imported.
    """
    if (module, name) not in _CLASSES:
        raise ValueError(f"it holds a {name} of {module}, which is not imported: import it first")
    return _CLASSES[module, name]
