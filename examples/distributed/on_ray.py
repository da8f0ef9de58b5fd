"""
The same training on Ray: ``pip install "ray[train]"``.

    python examples/distributed/on_ray.py --epochs 10
"""

from __future__ import annotations

import argparse

from ray.train import RunConfig, ScalingConfig
from ray.train.torch import TorchTrainer
from train import train

if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--gpu", action="store_true", help="one GPU for each process")
    parser.add_argument("--results", help="where Ray keeps its own notes of the run")
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--checkpoints")
    parser.add_argument("--model")
    options = vars(parser.parse_args())
    scaling = ScalingConfig(num_workers=options.pop("processes"), use_gpu=options.pop("gpu"))
    run = RunConfig(storage_path=options.pop("results"))
    TorchTrainer(
        lambda config: train(**config),
        train_loop_config=options,
        scaling_config=scaling,
        run_config=run,
    ).fit()
