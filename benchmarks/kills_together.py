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
import signal
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import skdeepcluster

SCRIPT = Path(__file__).parents[1] / "examples" / "distributed" / "train.py"


def start(folder: Path, epochs: int) -> subprocess.Popen[str]:
    """Start a training in a folder."""
    launcher = [sys.executable, "-m", "torch.distributed.run", "--standalone"]
    launcher += ["--nproc-per-node=2", "--max-restarts=20", "--monitor-interval=0.1"]
    options = ["--epochs", str(epochs), "--checkpoints", str(folder), "--model", f"{folder}/model"]
    return subprocess.Popen(
        [*launcher, str(SCRIPT), *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""},
    )


def workers(launcher: int) -> list[int]:
    """Return the numbers of the processes that a launcher has started."""
    path = Path(f"/proc/{launcher}/task/{launcher}/children")
    return [int(word) for word in path.read_text().split()] if path.exists() else []


def finish(process: subprocess.Popen[str], folder: Path) -> str:
    """Wait for a training, and return a digest of what it has learnt."""
    output, _ = process.communicate(timeout=600)
    if process.returncode:
        raise RuntimeError(output[-3000:])
    model = skdeepcluster.load(folder / "model", device="cpu")
    digest = hashlib.sha256(model.labels_.tobytes() + model.cluster_centers_.tobytes())
    for tensor in model.backbone_.state_dict().values():
        digest.update(tensor.numpy().tobytes())
    digest.update(json.dumps([entry["loss"] for entry in model.history_]).encode())
    return digest.hexdigest()


def main() -> None:
    """Kill, count, and compare."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=40)
    parser.add_argument("--epochs", type=int, default=12)
    parser.add_argument("--per-run", type=int, default=4)
    options = parser.parse_args()
    draw = random.Random(0)
    with TemporaryDirectory() as name:
        folder = Path(name, "whole")
        began = time.perf_counter()
        expected = finish(start(folder, options.epochs), folder)
        whole = time.perf_counter() - began
        print(f"a run without kills took {whole:.1f} s", flush=True)
        done = equal = runs = 0
        while done < options.kills:
            folder, runs = Path(name, str(runs)), runs + 1
            process, killed = start(folder, options.epochs), 0
            for _ in range(min(options.per_run, options.kills - done)):
                time.sleep(draw.uniform(0.4, 1.0) * whole)
                alive = workers(process.pid)
                if process.poll() is None and alive:
                    os.kill(draw.choice(alive), signal.SIGKILL)
                    killed += 1
            equal += finish(process, folder) == expected
            done += killed
            print(f"run {runs}: {killed} kills, equal so far {equal} of {runs}", flush=True)
    print(f"{done} kills in {runs} runs, {equal} of which ended bit-equal")


if __name__ == "__main__":
    main()
