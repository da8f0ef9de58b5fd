"""
Train on all the processes that a launcher starts; on one process it is the same script.

    python examples/distributed/train.py
    torchrun --nproc-per-node=2 examples/distributed/train.py --checkpoints OUT
"""

import argparse
import os

from sklearn.datasets import load_digits

from skdeepcluster import ProPos


def main() -> None:
    """Cluster scikit-learn's digits."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--checkpoints", help="folder, from which the same command goes on")
    parser.add_argument("--model", help="where the first process saves the model")
    options = parser.parse_args()
    model = ProPos(
        n_clusters=10,
        max_epochs=options.epochs,
        checkpoint_dir=options.checkpoints,
        checkpoint_interval=0,
        random_state=0,
        verbose=1,
    )
    model.fit(load_digits().images)
    if int(os.environ.get("RANK", 0)) == 0:
        print(f"score {model.score(load_digits().images):.4f}")
        if options.model:
            model.save(options.model, overwrite=True)


if __name__ == "__main__":
    main()
