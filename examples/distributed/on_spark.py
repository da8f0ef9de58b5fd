"""
The same training on Spark: ``pip install pyspark``, with Java 17.

    python examples/distributed/on_spark.py --epochs 10
"""

from __future__ import annotations

import argparse
from pathlib import Path

from pyspark.ml.torch.distributor import TorchDistributor
from pyspark.sql import SparkSession

if __name__ == "__main__":
    parser = argparse.ArgumentParser(epilog="Other options are those of train.py.")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--gpu", action="store_true", help="one GPU for each process")
    options, others = parser.parse_known_args()
    spark = SparkSession.builder.master(f"local[{options.processes}]").getOrCreate()
    distributor = TorchDistributor(options.processes, local_mode=True, use_gpu=options.gpu)
    distributor.run(str(Path(__file__).with_name("train.py")), *others)
    spark.stop()
