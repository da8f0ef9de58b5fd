"""One fit in a process of its own, so that its peak memory is its own and a crash takes no other.

Called by ``learning.py`` with one argument, the run as JSON; prints the result as JSON, last.
"""

from __future__ import annotations

import contextlib
import datetime
import json
import os
import platform
import resource
import sys
import time
import warnings
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
import torch
from competitors import OURS, as_rows, build
from datasets import load
from sklearn.metrics import adjusted_rand_score, normalized_mutual_info_score

from skdeepcluster.metrics import clustering_accuracy_score

PACKAGES = ("skdeepcluster", "torch", "scikit-learn", "numpy", "umap-learn", "clustpy")


def forget_peak() -> None:
    """Let the peak of memory begin anew, where the system can: loading data is not the fit."""
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")


def peak_memory() -> int:
    """Return the most memory that the process has had resident, in MiB."""
    status = Path("/proc/self/status")
    if status.exists():
        lines = dict(line.split(":", 1) for line in status.read_text().splitlines())
        return round(int(lines["VmHWM"].split()[0]) / 2**10)
    unit = 2**20 if sys.platform == "darwin" else 2**10
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit)


def processor() -> str:
    """Name the CPU."""
    path = Path("/proc/cpuinfo")
    lines = path.read_text().splitlines() if path.exists() else []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor()


def environment() -> dict[str, Any]:
    """Say what the run was made with."""
    found = {name: metadata.version(name) for name in PACKAGES if _is_installed(name)}
    gpu = {"gpu": torch.cuda.get_device_name()} if torch.cuda.is_available() else {}
    return {
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "python": platform.python_version(),
        **found,
        "cpu": processor(),
        "cores": len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count(),
        "threads": torch.get_num_threads(),
        **gpu,
    }


def _is_installed(name: str) -> bool:
    try:
        metadata.version(name)
    except metadata.PackageNotFoundError:
        return False
    return True


def measure(run: dict[str, Any]) -> dict[str, Any]:
    """Fit once; return scores, seconds, memory, and what was warned of."""
    X, y = load(run["data"], run["folder"] and Path(run["folder"]), run["limit"])
    model = build(run["method"], len(np.unique(y)), run["seed"], run["parameters"])
    given = X if run["method"] in OURS else as_rows(X)
    forget_peak()
    before = peak_memory()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        start = time.perf_counter(), time.process_time()
        labels = model.fit_predict(given)
        seconds, cpu = time.perf_counter() - start[0], time.process_time() - start[1]
    return {
        "ACC": round(clustering_accuracy_score(y, labels), 4),
        "NMI": round(float(normalized_mutual_info_score(y, labels)), 4),
        "ARI": round(float(adjusted_rand_score(y, labels)), 4),
        "clusters": len(np.unique(labels)),
        "seconds": round(seconds, 1),
        "cpu_seconds": round(cpu, 1),
        "peak_MiB": peak_memory(),
        "before_MiB": before,
        **_gpu_memory(),
        "warnings": sorted({str(w.message) for w in caught if w.category.__module__ != "builtins"}),
    }


def _gpu_memory() -> dict[str, int]:
    if not torch.cuda.is_available():
        return {}
    return {"peak_gpu_MiB": round(torch.cuda.max_memory_allocated() / 2**20)}


if __name__ == "__main__":
    result = measure(json.loads(sys.argv[1]))
    print(json.dumps({**result, "environment": environment()}))
