"""What becomes of forged files: changed at random, and sealed again with a checksum that fits.

One command, ``python benchmarks/forgeries.py --files 5000 --states 500``, plays somebody who knows
the formats. It fits each method on images and on vectors, changes values, entries and tensors of
model files and of training states at random, one or several at once, and loads them. Of each model
file it counts whether it

- is equal: it loaded, and all results are those of the original;
- is sound: it loaded, all results are of the right form and finite, and it can be saved again;
- was refused: by a ValueError for a reason that `load` checks for, in a message safe to print;
- was refused in use: `load` found nothing, but the samples overflow, and the message says of what;

or whether there was another error, wrong results, more than 2 s or twice the size of the file in
memory (and 16 MiB), or something written. Some files are trained on, which must end in a result or
a ValueError. With each state, a fit in a process of its own either resumes, starts afresh with a
warning, or is refused; a crash, another error, wrong results or more than 20 s are not.

It ends with 1 if anything is wrong, and prints what was changed with the number of each;
``--only NUMBER`` with the same seed does that one again.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import warnings
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")  # read when torch is imported

from forging import files, states

from skdeepcluster import methods

Attempt = tuple[Any, str, str, str]
Counts = dict[str, Counter[str]]


def file_attempts(numbers: Iterable[int], seed: int, names: Any, **kinds: Any) -> Iterator[Attempt]:
    """Forge model files and yield whose it was, the changes, a class and a reason."""
    with files.playground() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        every = files.originals(folder, names, **kinds)
        for original in every:
            files.seal(folder / "model", original.manifest, original.tensors)
            assert files.outcome(folder / "model", original) == ("equal", ""), original
        for number in numbers:
            yield files.attempt(number, seed, every, folder)


def state_attempts(
    numbers: Iterable[int], seed: int, names: Any, **kinds: Any
) -> Iterator[Attempt]:
    """Forge training states and yield whose it was, the changes, a class and a reason."""
    forger = states.States(seed, names, **kinds)
    with tempfile.TemporaryDirectory() as folder:
        for number in numbers:
            yield forger.attempt(number, Path(folder))


def sweep(
    attempts: Callable[..., Iterator[Attempt]],
    numbers: Iterable[int],
    seed: int = 0,
    names: Iterable[str] = tuple(methods.__all__),
    verbose: bool = False,
) -> tuple[Counts, list[str]]:
    """Count the outcomes of each method; describe the bad ones."""
    numbers, counts, bad = list(numbers), {name: Counter() for name in names}, []
    for number, (source, change, found, reason) in zip(
        numbers, attempts(numbers, seed, list(names)), strict=True
    ):
        counts[source.name][found] += 1
        line = f"{found}: number {number} of seed {seed}, {source}: {change}\n    {reason!a}"
        if found not in (*files.GOOD, *states.GOOD):
            bad.append(line)
        if verbose or found not in (*files.GOOD, *states.GOOD):
            print(line, flush=True)
    return counts, bad


def table(title: str, counts: Counts, columns: Iterable[str]) -> None:
    """Print the counts of each method and of all."""
    counts = {**counts, "all": sum(counts.values(), Counter())}
    print(f"{title:24}" + "".join(f"{column:>12}" for column in columns))
    for name, count in counts.items():
        print(f"  {name:22}" + "".join(f"{count[column]:12}" for column in columns), flush=True)


def main() -> int:
    """Print the tables."""
    parser = argparse.ArgumentParser(description="Forged files are refused or sound.")
    parser.add_argument("--files", type=int, default=5000, help="number of model files")
    parser.add_argument("--states", type=int, default=500, help="number of training states")
    parser.add_argument("--seed", type=int, default=0, help="seed of the changes")
    parser.add_argument("--only", type=int, help="the one number to do again")
    parser.add_argument("--verbose", action="store_true", help="describe good outcomes too")
    options = parser.parse_args()
    bad = []
    for title, attempts, outcomes, count in (
        ("states", state_attempts, states, options.states),
        ("files", file_attempts, files, options.files),
    ):
        numbers = range(count) if options.only is None else [options.only] * (count > 0)
        counts, found = sweep(attempts, numbers, options.seed, verbose=options.verbose)
        table(title, counts, (*outcomes.GOOD, *outcomes.BAD))
        bad += found
    return int(bool(bad))


if __name__ == "__main__":
    sys.exit(main())
