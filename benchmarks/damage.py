"""What becomes of damaged files: each is refused or loads as the model that was saved.

One command, ``python benchmarks/damage.py``, fits each method for some epochs, saves it, damages
copies of the file in random places and loads them. It prints, for each method and kind of damage,
how many files were

- refused: `load` raised an OSError, or a ValueError for a reason it checks for;
- equal: they loaded with all attributes and weights of the original;
- wrong: they loaded with others;
- other: anything else happened.

It ends with 1 if a file was wrong or other.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.datasets import load_digits

from skdeepcluster import load, methods

OUTCOMES = ("refused", "equal", "wrong", "other")
Damage = Callable[[bytes, np.random.Generator], bytes]


def header_end(content: bytes) -> int:
    """Return where the header stops: 8 bytes of length, JSON, then the tensors."""
    return 8 + int.from_bytes(content[:8], "little")


def change(content: bytes, stop: int, rng: np.random.Generator) -> bytes:
    """Change 1 to 64 consecutive bytes before `stop`, each to another value."""
    start = int(rng.integers(stop))
    part = np.frombuffer(content[start : min(stop, start + int(rng.integers(1, 65)))], np.uint8)
    other = part ^ rng.integers(1, 256, len(part), dtype=np.uint8)
    return content[:start] + other.tobytes() + content[start + len(part) :]


def flip_bit(content: bytes, rng: np.random.Generator) -> bytes:
    """Flip one bit of the header, where small changes still parse."""
    place = int(rng.integers(header_end(content)))
    return (
        content[:place] + bytes([content[place] ^ 1 << int(rng.integers(8))]) + content[place + 1 :]
    )


def swap_digit(content: bytes, rng: np.random.Generator) -> bytes:
    """Put another digit in place of one in the header, which stays valid JSON."""
    header = np.frombuffer(content[8 : header_end(content)], np.uint8)
    place = 8 + int(rng.choice(np.flatnonzero((header >= ord("0")) & (header <= ord("9")))))
    digit = (content[place] - ord("0") + int(rng.integers(1, 10))) % 10 + ord("0")
    return content[:place] + bytes([digit]) + content[place + 1 :]


def cut(content: bytes, stop: int, rng: np.random.Generator) -> bytes:
    """Keep a random number of bytes, fewer than `stop`."""
    return content[: int(rng.integers(stop))]


def remove(content: bytes, rng: np.random.Generator) -> bytes:
    """Leave out 1 to 64 bytes."""
    start = int(rng.integers(len(content)))
    return content[:start] + content[start + int(rng.integers(1, 65)) :]


def insert(content: bytes, rng: np.random.Generator) -> bytes:
    """Put 1 to 64 random bytes in between, or at the end."""
    start = int(rng.integers(len(content) + 1))
    return content[:start] + rng.bytes(int(rng.integers(1, 65))) + content[start:]


def blank(content: bytes, rng: np.random.Generator) -> bytes:
    """Set 512 bytes to zero, as a lost sector does; some were zero before."""
    start = int(rng.integers(len(content)))
    part = content[start : start + 512]
    return content[:start] + bytes(len(part)) + content[start + len(part) :]


DAMAGES: dict[str, Damage] = {
    "bytes changed": lambda content, rng: change(content, len(content), rng),
    "in the header": lambda content, rng: change(content, header_end(content), rng),
    "in its length": lambda content, rng: change(content, 8, rng),
    "bit of the header": flip_bit,
    "digit of the header": swap_digit,
    "cut": lambda content, rng: cut(content, len(content), rng),
    "cut in the header": lambda content, rng: cut(content, header_end(content), rng),
    "bytes removed": remove,
    "bytes inserted": insert,
    "512 bytes blanked": blank,
}


def damaged(content: bytes, n_each: int, seed: int) -> Iterator[tuple[str, bytes]]:
    """Yield damaged copies of a file with the kind of their damage."""
    rng = np.random.default_rng(seed)
    for _ in range(n_each):
        for kind, damage in DAMAGES.items():
            yield kind, damage(content, rng)


def contents(model: Any) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Return all that a fitted estimator knows: plain values, and arrays by name."""
    inner = model._model
    arrays = {n: t.cpu().numpy() for n, t in inner.model.state_dict().items()}
    arrays.update({f"scaling of {name}": value for name, value in vars(inner.scaling).items()})
    arrays.update({"labels": model.labels_, "used": inner.used, "centers": model.cluster_centers_})
    plain = {name: value for name, value in vars(model).items() if name[-1] != "_"}
    for name in ("history_", "n_epochs_", "n_clusters_", "n_features_in_", "image_shape_"):
        plain[name] = getattr(model, name)
    del plain["_model"], plain["_further_weights"]
    return {**plain, "class": type(model), "shape": inner.shape, "dtype": inner.dtype}, arrays


def are_equal(loaded: Any, model: Any) -> bool:
    """Compare two fitted estimators to the last bit; what training adds may be missing."""
    (plain, arrays), (plain2, arrays2) = contents(loaded), contents(model)
    return (
        plain == plain2
        and arrays.keys() == arrays2.keys()
        and all(
            array.dtype == arrays2[name].dtype
            and array.shape == arrays2[name].shape
            and array.tobytes() == arrays2[name].tobytes()
            for name, array in arrays.items()
        )
    )


def outcome(path: Path, model: Any) -> str:
    """Load a file and say what happened."""
    try:
        loaded = load(path)
    except OSError:
        return "refused"
    except ValueError as error:  # the cause is of another type where nobody thought of it
        return "refused" if isinstance(error.__cause__, ValueError) else "other"
    except BaseException as error:
        if isinstance(error, KeyboardInterrupt):
            raise
        return "other"
    return "equal" if are_equal(loaded, model) else "wrong"


def sweep(model: Any, n_each: int, seed: int) -> dict[str, Counter[str]]:
    """Save a model, damage the file in all ways, and count the outcomes of each."""
    counts: dict[str, Counter[str]] = {kind: Counter() for kind in DAMAGES}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.safetensors"
        model.save(path)
        content = path.read_bytes()
        assert outcome(path, model) == "equal"
        for kind, other in damaged(content, n_each, seed):
            path.write_bytes(other)
            counts[kind][outcome(path, model)] += 1
    return counts


def main() -> int:
    """Print the table of each method."""
    parser = argparse.ArgumentParser(description="Damaged files are refused.")
    parser.add_argument("--each", type=int, default=60, help="files for each kind of damage")
    parser.add_argument("--epochs", type=int, default=3, help="epochs of training")
    parser.add_argument("--seed", type=int, default=0, help="seed of the damages")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    X, bad = load_digits().images[:60].astype(np.uint8), 0
    for name in methods.__all__:
        model = getattr(methods, name)(n_clusters=3, max_epochs=options.epochs, random_state=0)
        counts = sweep(model.fit(X), options.each, options.seed)
        counts["all"] = sum(counts.values(), Counter())
        print(f"{name:24}" + "".join(f"{title:>9}" for title in OUTCOMES))
        for kind, count in counts.items():
            print(f"  {kind:22}" + "".join(f"{count[title]:9}" for title in OUTCOMES), flush=True)
        bad += counts["all"]["wrong"] + counts["all"]["other"]
    return int(bad > 0)


if __name__ == "__main__":
    sys.exit(main())
