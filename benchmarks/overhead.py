"""What the package costs beside the training itself: import, a tiny fit, scikit-learn's checks.

One command, ``python benchmarks/overhead.py``, prints

- the time of ``import skdeepcluster`` over that of ``import torch, sklearn.base``, both in fresh
  processes, in turn, as medians;
- the time of one fit on 50 x 2 blobs with default settings, per method;
- for each method, how many of scikit-learn's checks pass, and in what time.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import time
import warnings
from collections import Counter
from collections.abc import Callable
from typing import Any

BASE = "import torch, sklearn.base"
OURS = "import skdeepcluster"


def seconds(action: Callable[[], Any]) -> float:
    """Time a call."""
    start = time.perf_counter()
    action()
    return time.perf_counter() - start


def run_python(code: str) -> float:
    """Time a fresh interpreter that runs some code."""
    return seconds(lambda: subprocess.run([sys.executable, "-c", code], check=True))


def import_ratio(n_pairs: int) -> float:
    """Return the median time of our import over that of torch and scikit-learn."""
    for code in (BASE, OURS):
        run_python(code)
    pairs = [(run_python(OURS), run_python(BASE)) for _ in range(n_pairs)]
    ours, base = (statistics.median(times) for times in zip(*pairs, strict=True))
    return ours / base


def tiny_fit(estimator: Any) -> float:
    """Return the median time of a fit on 50 x 2 blobs, after one that warms up."""
    from sklearn.datasets import make_blobs

    X, _ = make_blobs(50, random_state=0)
    estimator.set_params(n_clusters=3, random_state=0).fit(X)
    return statistics.median(seconds(lambda: estimator.fit(X)) for _ in range(5))


def checks(estimator: Any) -> Counter[str]:
    """Run all of scikit-learn's checks and four more; count the outcomes."""
    from sklearn.utils import estimator_checks as checks

    results = checks.check_estimator(estimator, on_fail=None)
    counts = Counter(result["status"] for result in results)
    for result in results:
        if result["status"] != "passed":
            print(f"  {result['check_name']}: {result['status']}: {result['exception']}")
    for check in (
        checks.check_param_validation,
        checks.check_set_output_transform,
        checks.check_set_output_transform_pandas,
        checks.check_transformer_get_feature_names_out,
    ):
        check(type(estimator).__name__, estimator)
        counts["passed"] += 1
    return counts


def main() -> None:
    """Print all three."""
    parser = argparse.ArgumentParser(description="Costs beside the training.")
    parser.add_argument("--pairs", type=int, default=7, help="pairs of imports")
    options = parser.parse_args()
    print(f"import: {import_ratio(options.pairs):.2f} times that of torch and sklearn.base")
    from skdeepcluster import methods

    warnings.simplefilter("ignore")
    for name in methods.__all__:
        estimator = getattr(methods, name)
        print(f"{name}: one fit on 50 x 2 blobs takes {tiny_fit(estimator()):.2f} s")
        start = time.perf_counter()
        counts = checks(estimator())
        print(f"{name}: {dict(counts)} in {time.perf_counter() - start:.0f} s", flush=True)


if __name__ == "__main__":
    os.environ["SCIPY_ARRAY_API"] = "1"  # with it, the array API check runs too
    main()
