"""Reading a folder of photographs, against a plain loop of Pillow's on the same files.

One command, for example

    python benchmarks/reading.py --n 5000 --out reading.json

makes JPEG files of 1000 x 1000 pixels in a temporary folder, lets each side read them to 64 x 64 in
a process of its own, in turn, and prints a table in markdown (and JSON to ``--out``):

- ``loop``: ``Image.open``, ``convert("RGB")``, ``resize`` and ``asarray`` into a list;
- ``load_images``: its first start, without a cache;
- ``load_images again``: its second start.

Seconds of the processor do not depend on what else the machine does. Memory is the process's peak
above what it takes once its imports are done, as PyTorch alone takes more than all the rest.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from timing.memory import MIB, Peak

SIDE, SIZE = 1000, 64
ROUNDS = ("loop", "load_images", "load_images again")
GOALS = {"ratio": 2.5, "again": 1.0, "MB": 400.0}


def photographs(folder: Path, n: int, n_bases: int = 20) -> None:
    """Write JPEG files of smooth noise and shapes; all are turned and shaded copies of a few."""
    from PIL import Image

    random = np.random.default_rng(0)
    bases = []
    for _ in range(n_bases):
        coarse = random.integers(0, 256, (12, 12, 3), dtype=np.uint8)
        image = np.asarray(Image.fromarray(coarse).resize((SIDE, SIDE), Image.Resampling.BICUBIC))
        y, x = np.mgrid[:SIDE, :SIDE] - random.integers(200, 800, (2, 1, 1))
        disc = (y**2 + x**2 < random.integers(80, 300) ** 2)[..., None]
        values = np.where(disc, random.integers(0, 256, 3), image) + random.normal(
            0, 6, image.shape
        )
        bases.append(values.clip(0, 255).astype(np.uint8))
    for number in range(n):
        turned = np.rot90(bases[number % n_bases], number // n_bases % 4)
        shaded = turned // 8 * np.uint8(8 - number // n_bases // 4 % 3)
        Image.fromarray(shaded).save(folder / f"{number:05}.jpg", quality=85)


def by_loop(folder: Path) -> list[np.ndarray]:
    """Read as most scripts do."""
    from PIL import Image

    found = []
    for path in sorted(folder.iterdir()):
        with Image.open(path) as image:
            found.append(np.asarray(image.convert("RGB").resize((SIZE, SIZE))))
    return found


def read(name: str, folder: Path) -> dict[str, float]:
    """Read the folder in this process, and return what it took."""
    import skdeepcluster
    from skdeepcluster.datasets import load_images

    cache = folder.with_name("cache")
    start, cpu = time.perf_counter(), time.process_time()
    with Peak() as peak:
        if name == "loop":
            images: Any = by_loop(folder)
        else:
            images = load_images(folder, image_size=SIZE, cache_dir=cache).images
    seconds, cpu = time.perf_counter() - start, time.process_time() - cpu
    return {
        "n": len(images),
        "seconds": seconds,
        "cpu_seconds": cpu,
        "images_per_second": len(images) / seconds,
        "peak_mb": peak.growth / MIB,
        "imports_mb": peak.before["VmRSS"] / MIB,
        "version": skdeepcluster.__version__,
    }


def measured(name: str, folder: Path) -> dict[str, Any]:
    """Read the folder in a process of its own."""
    command = [sys.executable, __file__, "--read", name, str(folder)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    return json.loads(done.stdout.splitlines()[-1])


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Reading a folder of photographs.")
    parser.add_argument("--n", type=int, default=5000)
    parser.add_argument("--out", type=Path, default=None, help="JSON file to write")
    parser.add_argument("--read", nargs=2, help=argparse.SUPPRESS)
    return parser.parse_args()


def main() -> None:
    options = parse()
    if options.read:
        print(json.dumps(read(options.read[0], Path(options.read[1]))))
        return
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary) / "photographs"
        folder.mkdir()
        photographs(folder, options.n)
        rows = {name: measured(name, folder) for name in ROUNDS}
    print(f"{options.n} files, {os.cpu_count()} cores\n")
    print("| | images/s | s | CPU s | peak MB above imports | MB of imports |")
    print("|---|---|---|---|---|---|")
    for name, row in rows.items():
        columns = ("images_per_second", "seconds", "cpu_seconds", "peak_mb", "imports_mb")
        print(f"| {name} |", " | ".join(f"{row[column]:.4g}" for column in columns), "|")
    loop, first, again = (rows[name] for name in ROUNDS)
    ratio = first["images_per_second"] / loop["images_per_second"]
    cpu = loop["cpu_seconds"] / first["cpu_seconds"]
    print(f"\nratio {ratio:.2f} (goal {GOALS['ratio']}), of CPU seconds {cpu:.2f}")
    print(f"second start {again['seconds']:.3f} s (goal below {GOALS['again']})")
    print(f"peak {first['peak_mb']:.0f} MB above imports (goal below {GOALS['MB']:.0f})")
    if options.out:
        found = {"n": options.n, "cores": os.cpu_count(), "goals": GOALS, "rows": rows}
        options.out.write_text(json.dumps({**found, "ratio": ratio, "cpu_ratio": cpu}, indent=1))


if __name__ == "__main__":
    main()
