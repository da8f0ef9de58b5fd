"""Kill one of several processes that train together, at random moments, and compare the end.

    python benchmarks/kills_together.py --kills 40

torchrun starts `examples/distributed/train.py` on two processes, and starts both again when one of
them dies; they go on from the last state. Each killed run has to end with the very weights, labels
and losses of one that nothing happened to.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import skdeepcluster

SCRIPT = Path(__file__).parents[1] / "examples" / "distributed" / "train.py"


def start(folder: Path, epochs: int) -> subprocess.Popen[bytes]:
    """Start a training in a folder, with a log beside it."""
    launcher = [sys.executable, "-m", "torch.distributed.run", "--standalone"]
    launcher += ["--nproc-per-node=2", "--max-restarts=20", "--monitor-interval=0.1"]
    options = ["--epochs", str(epochs), "--checkpoints", str(folder), "--model", f"{folder}/model"]
    with folder.with_suffix(".log").open("wb") as log:
        return subprocess.Popen(
            [*launcher, str(SCRIPT), *options],
            stdout=log,
            stderr=subprocess.STDOUT,
            env={**os.environ, "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""},
        )


def workers(launcher: int) -> list[int]:
    """Return the numbers of the processes that a launcher has started."""
    path = Path(f"/proc/{launcher}/task/{launcher}/children")
    return [int(word) for word in path.read_text().split()] if path.exists() else []


def finish(process: subprocess.Popen[bytes], folder: Path) -> str:
    """Wait for a training, and return a digest of what it has learnt."""
    try:
        code = process.wait(600)
    except subprocess.TimeoutExpired:
        process.terminate()
        raise
    if code:
        raise RuntimeError(folder.with_suffix(".log").read_text()[-3000:])
    return digest(folder / "model")


def digest(path: Path) -> str:
    """Return a digest of the weights, labels, centres and losses in a file."""
    model = skdeepcluster.load(path, device="cpu")
    found = hashlib.sha256(model.labels_.tobytes() + model.cluster_centers_.tobytes())
    for tensor in model.backbone_.state_dict().values():
        found.update(tensor.numpy().tobytes())
    found.update(json.dumps([entry["loss"] for entry in model.history_]).encode())
    return found.hexdigest()


def kill_one(process: subprocess.Popen[bytes], draw: random.Random, longest: float) -> bool:
    """Kill one of the processes at a random moment, unless they are all done before it."""
    try:
        process.wait(draw.uniform(0.1, 0.6) * longest)
    except subprocess.TimeoutExpired:
        alive = workers(process.pid)
        if alive:
            os.kill(draw.choice(alive), signal.SIGKILL)
        return bool(alive)
    return False


def main() -> None:
    """Kill, count, and compare."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=40)
    parser.add_argument("--epochs", type=int, default=12)
    parser.add_argument("--per-run", type=int, default=8)
    options = parser.parse_args()
    draw = random.Random(0)
    with TemporaryDirectory() as name:
        folder = Path(name, "whole")
        began = time.perf_counter()
        expected = finish(start(folder, options.epochs), folder)
        whole = time.perf_counter() - began
        print(f"a run without kills took {whole:.1f} s", flush=True)
        done = later = equal = runs = 0
        while done < options.kills:
            folder, began = Path(name, f"after {done}"), time.perf_counter()
            process, killed = start(folder, options.epochs), 0
            while killed < min(options.per_run, options.kills - done):
                if not kill_one(process, draw, whole):
                    break
                killed, later = killed + 1, later + any(folder.glob("*.state"))
            same = finish(process, folder) == expected
            shutil.rmtree(folder)
            if not killed:  # the machine has become faster
                whole = time.perf_counter() - began
                continue
            done, runs, equal = done + killed, runs + 1, equal + same
            print(f"run {runs}: {killed} kills, equal so far {equal} of {runs}", flush=True)
    print(f"{later} kills with a state to go on from")
    print(f"{done} kills in {runs} runs, {equal} of which ended bit-equal")


if __name__ == "__main__":
    main()
