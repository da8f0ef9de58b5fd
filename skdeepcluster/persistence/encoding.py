"""Values of parameters as JSON and back, without naming anything that would be imported."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import isfinite
from typing import Any

import numpy as np

from skdeepcluster.augmentation.image import ImageAugmentation
from skdeepcluster.augmentation.vector import VectorAugmentation

KIND = "__kind__"
AUGMENTATIONS = {cls.__name__: cls for cls in (ImageAugmentation, VectorAugmentation)}
# May be an object of the caller's, which a file cannot hold.
CALLERS_OWN = ("backbone", "augmentation", "random_state")
# Belong to one machine: a file from elsewhere must not name places or devices, nor cause costs.
NOT_IN_FILES = {"checkpoint_dir", "device", "compile"}


@dataclass(frozen=True)
class Given:
    """
    Stand-in for a parameter whose value only its caller has.

    Parameters
    ----------
    what : str
        Name of the object or of its type, for messages.
    """

    what: str


def encode(value: Any) -> Any:
    """
    Turn a value into what JSON holds exactly.

    Parameters
    ----------
    value : object
        None, a bool, number, string, tuple, list, mapping with string keys, an augmentation of
        this package, or a `Given`.

    Returns
    -------
    object
        Of None, bool, int, finite float, str, list and dict.

    Raises
    ------
    TypeError
        If the value is something else.
    """
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, np.ndarray):
        value = tuple(value.tolist())
    match value:
        case None | bool() | int() | str():
            return value
        case float():
            return value if isfinite(value) else {KIND: "float", "value": str(value)}
        case tuple():
            return {KIND: "tuple", "items": [encode(item) for item in value]}
        case list() | range():
            return [encode(item) for item in value]
        case Given():
            return {KIND: "given", "what": value.what}
    return _encode_object(value)


def _encode_object(value: Any) -> Any:
    if type(value) in AUGMENTATIONS.values():
        parameters = encode(value.get_params(deep=False))
        return {KIND: "augmentation", "name": type(value).__name__, "parameters": parameters}
    plain = isinstance(value, Mapping) and all(isinstance(key, str) for key in value)
    if plain and KIND not in value:
        return {key: encode(item) for key, item in value.items()}
    raise TypeError(f"{type(value).__name__} has no form in JSON")


def encode_parameters(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """
    Encode the parameters of an estimator.

    Parameters
    ----------
    parameters : mapping of str to object
        What ``get_params(deep=False)`` returns.

    Returns
    -------
    dict
        The encoded values by name, without those that belong to one machine.

    Raises
    ------
    ValueError
        If a parameter has no form in JSON and is not one that can be given again.
    """
    encoded = {}
    for name, value in parameters.items():
        if name in NOT_IN_FILES:
            continue
        try:
            encoded[name] = encode(value)
        except TypeError as error:
            if name not in CALLERS_OWN:
                raise ValueError(f"{name}={value!r} cannot be saved: {error}.") from error
            what = getattr(value, "__qualname__", type(value).__qualname__)
            encoded[name] = encode(Given(what))
    return encoded


def decode(value: Any) -> Any:
    """
    Turn what `encode` returned into the value again.

    Parameters
    ----------
    value : object
        From a JSON parser.

    Returns
    -------
    object
        The value; a `Given` for what is not in the file.

    Raises
    ------
    ValueError
        If it is not of the form that `encode` writes.
    """
    match value:
        case {"__kind__": "float", "value": ("nan" | "inf" | "-inf") as text}:
            return float(text)
        case {"__kind__": "tuple", "items": list(items)}:
            return tuple(decode(item) for item in items)
        case {"__kind__": "given", "what": str(what)}:
            return Given(what)
        case {"__kind__": "augmentation", "name": str(name), "parameters": dict(parameters)}:
            return _decode_augmentation(name, decode(parameters))
        case {"__kind__": kind}:
            raise ValueError(f"it holds a value of the unknown kind {kind!r}")
        case dict():
            return {key: decode(item) for key, item in value.items()}
        case list():
            return [decode(item) for item in value]
        case float() if not isfinite(value):
            raise ValueError("it holds a number that is not finite")
    return value


def _decode_augmentation(name: str, parameters: dict[str, Any]) -> Any:
    cls = AUGMENTATIONS.get(name)
    if cls is None or not parameters.keys() <= set(cls._get_param_names()):
        raise ValueError(f"it holds an augmentation that is unknown, or its parameters: {name!r}")
    return cls(**parameters)
