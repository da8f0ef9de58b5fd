"""Model files that were changed and sealed again, and what becomes of them."""

from __future__ import annotations

import contextlib
import copy
import math
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError
from sklearn.base import clone
from timing.memory import MIB, Peak
from torch import Tensor

from forging import zoo
from skdeepcluster import load, methods
from skdeepcluster.persistence.container import read_file, sealed

GOOD = ("equal", "sound", "refused", "in use")
BAD = ("other error", "wrong", "slow", "large", "wrote")
SECONDS, SLACK, LONGEST = 2.0, 16 * MIB, 3000
SETTINGS = {"n_clusters": 3, "embedding_dim": 8, "batch_size": 32, "device": "cpu"}
SAMPLES = {"images": (30, 8, 8), "vectors": (30, 5)}
Tensors = dict[str, Tensor]


def samples(kind: str) -> np.ndarray:
    """Make the samples of a kind."""
    rng = np.random.default_rng(0)
    if kind == "images":
        return rng.integers(0, 256, SAMPLES[kind], np.uint8)
    return rng.random(SAMPLES[kind])


@dataclass
class Original:
    """A fitted model, its samples, and what a file of it holds."""

    name: str
    kind: str
    for_training: bool
    model: Any
    X: np.ndarray
    manifest: dict[str, Any]
    tensors: Tensors
    results: dict[str, Any]

    def __str__(self) -> str:
        return f"{self.name} on {self.kind}" + " for training" * self.for_training


def originals(folder: Path, names: Any, kinds: Any = tuple(SAMPLES)) -> list[Original]:
    """Fit each method on each kind of samples, and save it with and without further weights."""
    found = []
    for name in names:
        for kind in kinds:
            X = samples(kind)
            model = getattr(methods, name)(**SETTINGS, max_epochs=2, random_state=0).fit(X)
            for for_training in (False, True):
                path = folder / f"{name}-{kind}-{for_training}"
                model.save(path, for_training=for_training)
                found.append(
                    Original(
                        name, kind, for_training, model, X, *read_file(path), results(model, X)
                    )
                )
    return found


def results(model: Any, X: np.ndarray) -> dict[str, Any]:
    """Return all that a fitted model says of samples."""
    return {
        "labels": model.predict(X),
        "probabilities": model.predict_proba(X),
        "embedding": np.asarray(model.transform(X)),
        "score": model.score(X),
        "names": model.get_feature_names_out(),
    }


def same(one: dict[str, Any], other: dict[str, Any]) -> bool:
    """Compare results to the last bit."""
    return all(np.array_equal(value, other[name]) for name, value in one.items())


# --- changes ---------------------------------------------------------------------------------

Change = Callable[["Forger"], str]


class Forger:
    """
    Changes what is in a file, at random.

    Parameters
    ----------
    original : Original
        Whose file.
    others : list of Original
        From which parts are taken.
    rng : numpy Generator
        Source of randomness.
    """

    def __init__(self, original: Original, others: list[Original], rng: zoo.Rng) -> None:
        self.manifest: Any = copy.deepcopy(original.manifest)
        self.tensors = dict(original.tensors)
        self.original, self.others, self.rng = original, others, rng

    def forge(self) -> str:
        """Make one change, sometimes several, and say which."""
        count = int(zoo.pick(self.rng, (1, 1, 1, 2, 3)))
        weights = np.array(list(CHANGES.values()), dtype=float)
        chosen = self.rng.choice(len(CHANGES), count, p=weights / weights.sum())
        return "; ".join(list(CHANGES)[n](self) for n in chosen)

    def value(self) -> str:
        """Replace a value of the manifest."""
        path, odd = zoo.place(self.rng, self.manifest), zoo.odd_json(self.rng)
        self.manifest = zoo.put(self.manifest, path, odd)
        return f"{zoo.shown(path)} = {zoo.shown(odd)}"

    def parameter(self) -> str:
        """Replace a parameter, or add one that no file may set."""
        names = [*self.model_parameters(), "checkpoint_dir", "device", "compile"]
        name, odd = zoo.pick(self.rng, names), zoo.odd_json(self.rng)
        self.manifest["parameters"] = {**self.model_parameters(), name: odd}
        return f"parameter {name} = {zoo.shown(odd)}"

    def model_parameters(self) -> dict[str, Any]:
        """Return the parameters, also where an earlier change left none."""
        found = self.manifest.get("parameters") if isinstance(self.manifest, dict) else None
        return found if isinstance(found, dict) else self.original.manifest["parameters"]

    def number(self) -> str:
        """Replace a numeric parameter by another number that may well be allowed."""
        parameters = self.model_parameters()
        numeric = [n for n, v in parameters.items() if type(v) in (int, float) or v == "auto"]
        name, odd = zoo.pick(self.rng, numeric), zoo.pick(self.rng, zoo.NUMBERS)
        self.manifest["parameters"] = {**parameters, name: odd}
        return f"parameter {name} = {zoo.shown(odd)}"

    def entry(self) -> str:
        """Leave out, copy or rename an entry of the manifest."""
        text, self.manifest = zoo.changed_entry(self.manifest, self.rng, zoo.TEXTS)
        return text

    def swap(self) -> str:
        """Take an entry of the manifest, or a group of tensors, from another file."""
        other = zoo.pick(self.rng, self.others)
        if self.rng.random() < 0.5:
            name = zoo.pick(self.rng, other.manifest)
            self.manifest[name] = copy.deepcopy(other.manifest[name])
        else:
            name = zoo.pick(self.rng, ("model", "further", "scaling", "clusters"))
            mine = {n: t for n, t in self.tensors.items() if n.partition(".")[0] != name}
            theirs = {n: t for n, t in other.tensors.items() if n.partition(".")[0] == name}
            self.tensors = {**mine, **theirs}
        return f"{name} of {other}"

    def a_tensor(self) -> str:
        """Draw a tensor's name: first the group, as some have few tensors."""
        group = zoo.pick(self.rng, sorted({n.partition(".")[0] for n in self.tensors}))
        return zoo.pick(self.rng, [n for n in self.tensors if n.partition(".")[0] == group])

    def tensor(self) -> str:
        """Change a tensor."""
        name = self.a_tensor()
        way = zoo.pick(self.rng, (zoo.with_shape, zoo.with_dtype, *[zoo.with_values] * 4))
        before = self.tensors[name]
        self.tensors[name] = way(before, self.rng)
        after = self.tensors[name].flatten()[:3].tolist()
        return f"{zoo.shown((name,))} {way.__name__} ({zoo.shown(self.tensors[name])}: {after}...)"

    def tensor_name(self) -> str:
        """Leave out, add, rename or exchange tensors."""
        one, other = self.a_tensor(), self.a_tensor()
        more = zoo.pick(self.rng, ("model.more", "further.more", "clusters.more", "scaling.more"))
        odd = zoo.pick(self.rng, ("more", "", ".", "model", f"model.{zoo.ESCAPES}", f"{one}.x"))
        odd = zoo.pick(self.rng, (odd, more, f"further.{zoo.ESCAPES}", f"further.{'x' * 100_000}"))
        way = zoo.pick(self.rng, ("left out", "added", "renamed", "exchanged"))
        if way == "exchanged":
            self.tensors[one], self.tensors[other] = self.tensors[other], self.tensors[one]
            return f"{one} exchanged with {other}"
        if way != "left out":
            self.tensors[odd] = zoo.with_values(self.tensors[one], self.rng)
        if way != "added":
            self.tensors.pop(one)
        return f"{zoo.shown((one,))} {way} ({zoo.shown((odd,))})"

    def flood(self) -> str:
        """Replace a value of the manifest by text that grows when parsed, or add empty tensors."""
        if self.rng.random() < 0.2:
            count = int(zoo.pick(self.rng, (1000, 9000, 60_000)))
            self.tensors |= {f"model.{n}": torch.empty(0) for n in range(count)}
            return f"{count} empty tensors"
        path, (text, long) = zoo.place(self.rng, self.manifest), zoo.flood(self.rng)
        self.manifest = zoo.put(self.manifest, path, long)
        return f"{zoo.shown(path)} = {text}"


# From kinds of changes to how often each is made.
CHANGES: dict[Change, int] = {
    Forger.value: 20,
    Forger.parameter: 15,
    Forger.number: 15,
    Forger.entry: 10,
    Forger.swap: 5,
    Forger.tensor: 25,
    Forger.tensor_name: 10,
    Forger.flood: 4,
}


def seal(path: Path, manifest: Any, tensors: Tensors) -> None:
    """Write a file with a checksum that fits."""
    kept = {
        name: tensor.detach().clone(memory_format=torch.contiguous_format)
        for name, tensor in tensors.items()
    }
    path.write_bytes(sealed(manifest, kept))


# --- outcomes --------------------------------------------------------------------------------


@contextlib.contextmanager
def playground() -> Iterator[Path]:
    """Give a folder for files; the current folder and that of temporary files are beside it."""
    with tempfile.TemporaryDirectory() as name, contextlib.ExitStack() as stack:
        top = Path(name)
        for part in ("files", "current", "temporary"):
            (top / part).mkdir()
        stack.enter_context(contextlib.chdir(top / "current"))
        before, tempfile.tempdir = tempfile.tempdir, str(top / "temporary")
        stack.callback(setattr, tempfile, "tempdir", before)
        yield top / "files"


def listing(folder: Path) -> list[str]:
    """List all that is in a playground."""
    return sorted(str(path) for path in folder.parent.rglob("*"))


def is_clean(text: str) -> bool:
    """Tell whether a message is safe to print and not endless."""
    return text.isprintable() and len(text) <= LONGEST


def outcome(path: Path, original: Original) -> tuple[str, str]:
    """Load a file that is there, use what comes of it, and return a class with a reason."""
    before = listing(path.parent)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        found, reason, loaded = loading(path, original)
        if loaded is not None:
            found, reason = using(loaded, original, path)
    odd = [str(warning.message) for warning in caught if not is_clean(str(warning.message))]
    if odd and found in GOOD:
        return "other error", f"warning {odd[0]!r:.300}"
    if listing(path.parent) != before:
        return "wrote", str(set(listing(path.parent)) - set(before))
    return found, reason


def loading(path: Path, original: Original) -> tuple[str, str, Any]:
    """Load a file and judge the loading; of time and memory the best of three counts."""
    seconds, growth, limit = math.inf, math.inf, 2 * path.stat().st_size + SLACK
    for _ in range(3):
        start = time.perf_counter()
        with Peak() as peak:
            found, reason, loaded = load_once(path)
        seconds, growth = min(seconds, time.perf_counter() - start), min(growth, peak.growth)
        if seconds <= SECONDS and growth <= limit:
            return found, reason, loaded
    if seconds > SECONDS:
        return "slow", f"{seconds:.1f} s", None
    return "large", f"{growth / MIB:.0f} MiB for {path.stat().st_size / MIB:.1f} MiB", None


def load_once(path: Path) -> tuple[str, str, Any]:
    """Load a file; return a class, a reason, and the model if there is one."""
    try:
        return "sound", "", load(path, device="cpu")
    except ValueError as error:
        text = str(error)
        reason = text.removeprefix(f"{str(path)!r} cannot be loaded: ")
        known = isinstance(error.__cause__, ValueError) and len(reason) < len(text)
        if known and is_clean(text) and len(reason) > 10:
            return "refused", reason, None
        return "other error", f"{error.__cause__!r:.300}, {text!r:.300}", None
    except Exception as error:
        return "other error", repr(error)[:300], None


def using(loaded: Any, original: Original, path: Path) -> tuple[str, str]:
    """Use a loaded model in every way; return a class and a reason."""
    X = samples_for(loaded, original.X)
    if X is None:
        return "sound", "too large to try"
    if getattr(loaded, "_sklearn_output_config", {}).get("transform") == "polars":
        loaded.set_output(transform="default")  # need not be installed
    try:
        found = results(loaded, X)
        problem = nonsense(loaded, X, found) or altered(loaded, X, found, path)
    except Exception as error:
        known = isinstance(error, ValueError) and "the weights are too large" in str(error)
        return "in use" if known else "wrong", repr(error)[:300]
    if problem:
        return "wrong", problem
    return ("equal" if same(found, original.results) else "sound"), ""


def samples_for(loaded: Any, X: np.ndarray) -> np.ndarray | None:
    """Return the samples, cut to the shape that a file claims; None if that is vast."""
    shape = loaded._model.shape
    if shape == (X.shape[1:] if X.ndim == 2 else (1, *X.shape[1:])):
        return X
    if math.prod(shape) > 2**14:
        return None
    return np.resize(X, (len(X), *(shape[1:] if len(shape) == 3 else shape)))


def nonsense(loaded: Any, X: np.ndarray, found: dict[str, Any]) -> str:
    """Say what is wrong with the results of a model, if anything."""
    labels, n, k = found["labels"], len(X), loaded.n_clusters_
    proba, embedding, width = found["probabilities"], found["embedding"], len(found["names"])
    most = math.log(k) + 1e-4
    checks = {
        "labels": labels.shape == (n,) and labels.dtype == np.int64,
        "range of labels": labels.min() >= 0 and labels.max() < k,
        "probabilities": proba.shape == (n, k) and np.allclose(proba.sum(axis=1), 1, atol=1e-4),
        "embedding": embedding.shape == (n, width) and np.isfinite(embedding).all(),
        "length": np.allclose(np.linalg.norm(embedding, axis=1), 1, atol=1e-3),
        "score": -2 * most <= found["score"] <= most,
        "labels_": set(loaded.labels_) == set(range(k)),
        "repr": is_clean(repr(loaded).replace("\n", " ")) and repr(clone(loaded)) != "",
    }
    return ", ".join(name for name, holds in checks.items() if not holds)


def altered(loaded: Any, X: np.ndarray, found: dict[str, Any], path: Path) -> str:
    """Say whether saving and loading changes what a model says."""
    again = path.with_name("again")
    try:
        loaded.save(again, for_training=True)
        return "" if same(results(load(again, device="cpu"), X), found) else "round trip"
    finally:
        again.unlink(missing_ok=True)


# --- further weights -------------------------------------------------------------------------


def forge_further(original: Original, rng: zoo.Rng) -> tuple[str, Tensors]:
    """Change the weights for further training, or add some."""
    tensors = dict(original.tensors)
    names = [n for n in tensors if n.startswith("further.")]
    if not names or rng.random() < 0.2:
        source = zoo.pick(rng, tensors)
        name = "further." + zoo.pick(rng, ("x", "key.head.0.weight", source.partition(".")[2]))
        tensors[name] = tensors[source]
        return f"{name} added", tensors
    text = []
    for _ in range(int(zoo.pick(rng, (1, 1, 2, 20)))):
        name = zoo.pick(rng, names)
        way = zoo.pick(rng, (zoo.with_shape, zoo.with_dtype, *[zoo.with_values] * 4))
        tensors[name] = way(tensors[name], rng)
        text.append(f"{name} {way.__name__} ({tensors[name].flatten()[:3].tolist()}...)")
    return "; ".join(text), tensors


def train_on(path: Path, original: Original) -> tuple[str, str]:
    """Load a file and train on: there is a result, or a ValueError."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found, reason, loaded = load_once(path)
        if loaded is None:
            return found, reason
        loaded.set_params(warm_start=True, max_epochs=1)
        try:
            loaded.fit(original.X)
        except ValueError as error:
            return ("refused" if is_clean(str(error)) else "other error"), str(error)
        except Exception as error:
            return "other error", f"in fit: {error!r:.300}"
        problem = nonsense(loaded, original.X, results(loaded, original.X))
    return ("wrong", problem) if problem else ("sound", "")


def attempt(
    number: int, seed: int, every: list[Original], folder: Path
) -> tuple[Original, str, str, str]:
    """Forge the file of a number; return whose it was, the changes, a class and a reason."""
    rng = np.random.default_rng([seed, number])
    original, path = every[number % len(every)], folder / "model"
    if original.for_training and rng.random() < 0.25:
        text, tensors = forge_further(original, rng)
        seal(path, original.manifest, tensors)
        return original, f"trained on: {text}", *train_on(path, original)
    while True:
        forger = Forger(original, every, rng)
        with contextlib.suppress(ValueError, RecursionError, SafetensorError):
            text = forger.forge()  # not every combination can be made or written: draw again
            seal(path, forger.manifest, forger.tensors)
            return original, text, *outcome(path, original)
