"""Deep image clustering with the scikit-learn API."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from skdeepcluster._version import __version__

if TYPE_CHECKING:
    from skdeepcluster.methods import CLC, ContrastiveClustering, ProPos, TwinContrastClustering
    from skdeepcluster.persistence.loading import load

__all__ = [
    "CLC",
    "ContrastiveClustering",
    "ProPos",
    "TwinContrastClustering",
    "__version__",
    "load",
]
_MODULES = {
    "augmentation",
    "base",
    "datasets",
    "features",
    "losses",
    "methods",
    "metrics",
    "networks",
    "plotting",
    "recipes",
    "report",
    "serving",
    "training",
}


def __getattr__(name: str) -> Any:
    """Import what is asked for: torch takes seconds, in which Ctrl-C should end the command."""
    if name in _MODULES:
        return import_module(f"skdeepcluster.{name}")
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    place = "persistence.loading" if name == "load" else "methods"
    return getattr(import_module(f"skdeepcluster.{place}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
