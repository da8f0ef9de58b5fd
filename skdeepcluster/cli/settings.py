"""What a run was asked for: from the command line and a TOML file, and back into one."""

from __future__ import annotations

import dataclasses
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import sklearn
import tomli_w
import torch

import skdeepcluster
from skdeepcluster._text import is_text, printable
from skdeepcluster.methods import CLC, ContrastiveClustering, ProPos, TwinContrastClustering

METHODS = {
    "cc": ContrastiveClustering,
    "tcc": TwinContrastClustering,
    "clc": CLC,
    "propos": ProPos,
}
RUN_FILE = "run.toml"
PATHS = ("folder", "weights", "model")
TEXTS = ("method", "features", "resize", "color", "dtype")
OPTIONAL = {"features", "weights", "model"}
LISTS = ("labels", "classes")
DEEPEST = 16
TABLES = {"run", "parameters", "versions"}


@dataclass(frozen=True)
class Settings:
    """
    The settings of a run.

    Parameters
    ----------
    folder : str
        Folder of the images, absolute.
    n_clusters : int or "auto"
        Number of clusters.
    method : str, default="cc"
        A key of `METHODS`.
    features : str or None, default=None
        Pretrained network whose features are clustered; None trains on the images themselves.
    weights : str or None, default=None
        File of the network's weights; None is torchvision's or timm's own.
    bits : int or None, default=None
        How many of the 16 bits of deep images a camera has filled, for the pretrained network; None
        is all of them.
    image_size : int or None, default=None
        Side in pixels that images are read at; None is 64, or 224 for a pretrained network.
    resize : str, default="pad"
        How images become square, as `skdeepcluster.datasets.load_images` has it.
    color : str, default="auto"
        Whether images are read as grey or in colour, as `load_images` has it.
    dtype : str, default="auto"
        Type of the images' values, as `load_images` has it.
    labels : list of str, default=[]
        Tables of the files whose class is known, absolute.
    classes : list of str, default=[]
        Names of the classes, in the order of their numbers; empty where they have numbers only.
    model : str or None, default=None
        File of the model that was applied, absolute; None for a run that trains one.
    parameters : dict of str to Any, default={}
        Further parameters of the estimator.
    """

    folder: str
    n_clusters: int | str
    method: str = "cc"
    features: str | None = None
    weights: str | None = None
    bits: int | None = None
    image_size: int | None = None
    resize: str = "pad"
    color: str = "auto"
    dtype: str = "auto"
    labels: list[str] = field(default_factory=list)
    classes: list[str] = field(default_factory=list)
    model: str | None = None
    parameters: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in (*TEXTS, *PATHS):
            value = getattr(self, name)
            if not isinstance(value, str) and not (name in OPTIONAL and value is None):
                raise ValueError(f"{name} must be a text; got {value!r}.")
            if value is not None and not is_text(value):
                raise ValueError(f"{name} must be text in UTF-8; got {printable(value)!r}.")
        if self.method not in METHODS:
            raise ValueError(f"method must be one of {', '.join(METHODS)}; got {self.method!r}.")
        for name, most in (("bits", DEEPEST), ("image_size", None)):
            value = getattr(self, name)
            if value is not None and (type(value) is not int or not 1 <= value <= (most or value)):
                rule = f"from 1 to {most}" if most else "of 1 or more"
                raise ValueError(f"{name} must be a whole number {rule}; got {value!r}.")
        for name in LISTS:
            if not _is_list_of_text(getattr(self, name)):
                raise ValueError(
                    f'{name} must be a list of texts, as in ["..."]; got {getattr(self, name)!r}.'
                )
            if not all(map(is_text, getattr(self, name))):
                raise ValueError(f"{name} must be text in UTF-8; got {getattr(self, name)!r}.")

    @property
    def reading(self) -> dict[str, Any]:
        """Options of `load_images`."""
        size = self.image_size or (224 if self.features else 64)
        names = ("resize", "color", "dtype")
        return {"image_size": size, **{name: getattr(self, name) for name in names}}

    @property
    def value_range(self) -> str | tuple[float, float]:
        """Values of black and white in images of floats, 1 being the largest of 16 bits."""
        if self.bits is None:
            return "auto"
        return 0.0, 2.0 ** (self.bits - DEEPEST)

    def estimator(self, **more: Any) -> Any:
        """
        Build the estimator.

        Parameters
        ----------
        **more : Any
            Parameters beside those of the settings.

        Returns
        -------
        DeepClusterer
            The estimator, not fitted.

        Raises
        ------
        ValueError
            If it has no such parameter, or the command sets it.
        """
        kind = METHODS[self.method]
        unknown = self.parameters.keys() - kind().get_params().keys()
        if unknown:
            raise ValueError(f"{kind.__name__} has no parameter {', '.join(sorted(unknown))}.")
        taken = self.parameters.keys() & {"n_clusters", *more}
        if taken:
            raise ValueError(f"The command sets {', '.join(sorted(taken))} by itself.")
        return kind(self.n_clusters, **{"random_state": 0, **self.parameters, **more})

    def to_toml(self) -> str:
        """
        Write the settings, and the versions that they were used with, as TOML.

        Returns
        -------
        str
            The text, which `from_toml` reads.
        """
        run = dataclasses.asdict(self)
        parameters = run.pop("parameters")
        run = {name: value for name, value in run.items() if value not in (None, [])}
        packages = {"scikit-learn": sklearn, "skdeepcluster": skdeepcluster, "torch": torch}
        versions = {name: str(package.__version__) for name, package in packages.items()}
        return tomli_w.dumps({"run": run, "parameters": parameters, "versions": versions})

    @classmethod
    def from_toml(cls, path: Path, **options: Any) -> Self:
        """
        Read settings.

        Parameters
        ----------
        path : Path
            A TOML file with tables ``run`` and ``parameters``, both optional. Paths in it are
            relative to where the command is called.
        **options : Any
            Settings that take precedence over those of the file.

        Returns
        -------
        Settings
            The settings.

        Raises
        ------
        ValueError
            If the file is no TOML, or there is something in it that is no setting.
        """
        try:
            tables = tomllib.loads(path.read_text(encoding="utf-8"))
        except ValueError as error:  # not UTF-8, or no TOML
            raise ValueError(f"{path} is no TOML file: {error}") from None
        return cls.merged(tables, str(path), options)

    @classmethod
    def merged(cls, tables: dict[str, Any], origin: str, options: dict[str, Any]) -> Self:
        """
        Join the settings of a file and of the command line.

        Parameters
        ----------
        tables : dict
            What the file holds.
        origin : str
            Its name, for messages.
        options : dict of str to Any
            The command line's, which take precedence.

        Returns
        -------
        Settings
            The settings.

        Raises
        ------
        ValueError
            If there is an unknown setting, or one that is needed is missing.
        """
        for name in TABLES:
            if not isinstance(tables.get(name, {}), dict):
                raise ValueError(f"{name} in {origin} must be a table, [{name}].")
        names = {one.name for one in dataclasses.fields(cls)} - {"parameters"}
        run, parameters = tables.get("run", {}), tables.get("parameters", {})
        unknown = (tables.keys() - TABLES) | (run.keys() - names)
        if unknown:
            raise ValueError(
                f"{origin} must hold the tables [run], with {', '.join(sorted(names))}, and "
                f"[parameters]; got {', '.join(sorted(unknown))}."
            )
        further = options.pop("parameters", {})
        before = _absolute(run)
        if "versions" in tables and options.get("folder") not in (None, before.get("folder")):
            before.pop("dtype", None)  # a run has found it in its images; others may be deeper
        settings = {**before, **options, "parameters": {**parameters, **further}}
        for name, option in (("folder", "a folder"), ("n_clusters", "-k")):
            if name not in settings:
                raise ValueError(f"{name} must be given: {option}, or {name} in a --config file.")
        return cls(**settings)


def _absolute(run: dict[str, Any]) -> dict[str, Any]:
    """Make the paths of a file absolute; what is no path is refused later."""
    found = dict(run)
    for name in PATHS:
        if isinstance(found.get(name), str):
            found[name] = str(Path(found[name]).absolute())
    if _is_list_of_text(found.get("labels")):
        found["labels"] = [str(Path(path).absolute()) for path in found["labels"]]
    return found


def _is_list_of_text(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)


def number_of_clusters(text: str) -> int | str:
    """
    Read the number of clusters.

    Parameters
    ----------
    text : str
        A whole number from 1 on, or "auto".

    Returns
    -------
    int or "auto"
        The number.

    Raises
    ------
    ValueError
        If it is neither.
    """
    if text == "auto":
        return text
    if not (text.isascii() and text.isdigit() and int(text) >= 1):
        raise ValueError(f"-k must be a whole number from 1 on, or auto; got {text!r}.")
    return int(text)


def parameter(text: str) -> tuple[str, Any]:
    """
    Read a parameter that is given as ``name=value``.

    Parameters
    ----------
    text : str
        The text; the value is read as TOML where it is TOML, else as a string.

    Returns
    -------
    name : str
        The name.
    value : Any
        The value.

    Raises
    ------
    ValueError
        If there is no name.
    """
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise ValueError(f"--set must be name=value, such as max_epochs=20; got {text!r}.")
    try:
        return name, tomllib.loads(f"value = {value}")["value"]
    except tomllib.TOMLDecodeError:
        return name, value
