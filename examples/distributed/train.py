"""
Train on all the processes that a launcher starts; on one process it is the same script.

    python examples/distributed/train.py
    torchrun --nproc-per-node=2 examples/distributed/train.py --checkpoints OUT
"""

from __future__ import annotations

import argparse
import os
from datetime import timedelta

import torch.distributed as dist
from sklearn.datasets import load_digits

from skdeepcluster import ProPos


def train(
    epochs: int = 10,
    checkpoints: str | None = None,
    model: str | None = None,
    timeout: float | None = None,
) -> None:
    """Cluster scikit-learn's digits, in as many processes as call this."""
    if timeout is not None:  # a process group that is there already is used, with its timeout
        dist.init_process_group(timeout=timedelta(seconds=timeout))
    X = load_digits().images
    propos = ProPos(
        n_clusters=10,
        max_epochs=epochs,
        checkpoint_dir=checkpoints,
        checkpoint_interval=0,
        random_state=0,
        verbose=1,
    )
    propos.fit(X)
    if is_first():
        print(f"score {propos.score(X):.4f}")
        if model:
            propos.save(model, overwrite=True)


def is_first() -> bool:
    """Say whether this process is the one that writes."""
    return dist.get_rank() == 0 if dist.is_initialized() else os.environ.get("RANK", "0") == "0"


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--checkpoints", help="folder, from which the same command goes on")
    parser.add_argument("--model", help="where the first process saves the model")
    parser.add_argument("--timeout", type=float, help="seconds to wait for a silent process")
    train(**vars(parser.parse_args()))
