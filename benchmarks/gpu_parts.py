"""The parts of ``gpu.py`` that are not in ``timing``: each yields rows of its table."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import re
import runpy
import subprocess
import sys
import tempfile
import time
from argparse import Namespace
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import torch
from same_numbers import TIMES
from timing import memory, published, workloads
from timing.loops import compare
from timing.report import Plan, Row
from timing.small import compiled_step
from timing.workloads import LARGE, SMALL, Workload, open_trainer

import skdeepcluster
from skdeepcluster.methods import __all__ as METHODS
from skdeepcluster.recipes import recipe
from skdeepcluster.training.callbacks import EpochWatch

ROOT = Path(__file__).parents[1]
TOY = Workload("automatic trunk, 8 px grey, batch 16", (8, 8), "auto", 16)
HUGE = Workload("ResNet-50, 224 px RGB, batch 128", (224, 224, 3), "resnet50", 128)
TOY_TESTS = ["tests/training/test_device.py", "-n", "0", "-k", "device_that_is"]


def suite(plan: Plan, options: Namespace) -> Iterator[Row]:
    """Run the tests on the device; fail if any of them does."""
    chosen = plan.pick([], TOY_TESTS)
    command = [sys.executable, "-m", "pytest", "--device", str(plan.device), "-q", *chosen]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    lines = (done.stdout + done.stderr).strip().splitlines() or ["no message"]
    failed = [line for line in lines if line.startswith(("FAILED", "ERROR"))]
    if done.returncode not in (0, 1):
        raise RuntimeError(f"pytest has exit status {done.returncode}: {failed or lines[-1]}")
    counts = [int(n) for n in re.findall(r"(\d+) (?:failed|error)", lines[-1])]
    detail = "; ".join([lines[-1].strip("= "), *failed])
    yield Row("suite", " ".join(command[2:]), "tests that fail", sum(counts), "<= 0", detail)
    if done.returncode:
        raise RuntimeError(lines[-1])


def lightly(plan: Plan, options: Namespace) -> Iterator[Row]:
    """Compare training with lightly's, its views made by workers or there already."""
    try:
        from timing.peers import BYOL, SimCLR
    except ImportError as error:
        raise ImportError(f'{error}: lightly comes with pip install ".[bench]".') from error
    n_workers = plan.pick(len(os.sched_getaffinity(0)), 0)
    for workload in plan.pick((LARGE, SMALL), (TOY,)):
        n = plan.pick(50, 2) * workload.batch_size
        for method, other in (("ProPos", BYOL), ("ContrastiveClustering", SimCLR)):
            ours = {method: open_trainer(method, workload, n, plan.device)}
            theirs = other(workload, n, plan.device)
            theirs.batches = published.loader(
                workload.images(n), theirs.transform(workload), workload, plan.device, n_workers
            )
            for views in (f"views by {n_workers} workers", "views made beforehand"):
                case = f"{method} / {other.__name__}, {views}, {workload.name}"
                for _, value, detail in compare(ours, theirs, n, plan):
                    yield Row("lightly", case, "times as fast", value, "", detail)
                theirs.batches = [[v.to(plan.device) for v in both] for both in theirs.batches]


def interrupted(n_epochs: int) -> Any:
    """Return a context in which fits are interrupted at the end of an epoch."""
    whole = EpochWatch.end_epoch

    def end_epoch(self: EpochWatch, entry: Any) -> Any:
        if entry["epoch"] == n_epochs:
            raise KeyboardInterrupt
        return whole(self, entry)

    return mock.patch.object(EpochWatch, "end_epoch", end_epoch)


def differences(one: Any, other: Any, X: np.ndarray) -> tuple[float, str]:
    """Return the largest difference between two histories; tell of labels and embeddings."""
    pairs = zip(one.history_, other.history_, strict=True)
    found = [
        float(np.max(np.abs(np.subtract(a[key], b[key]))))
        for a, b in pairs
        for key in a
        if key not in TIMES and a[key] is not None
    ]
    n_labels = int((one.labels_ != other.labels_).sum())
    embedding = float(np.abs(one.transform(X) - other.transform(X)).max())
    return max(found), f"{n_labels} labels differ, embeddings by at most {embedding:.3g}"


def determinism(plan: Plan, options: Namespace) -> Iterator[Row]:
    """Fit twice with one seed, then once more with a break and a state to resume from."""
    for workload in plan.pick((LARGE, SMALL), (TOY,)):
        X = workload.images(4 * workload.batch_size + 3)
        for method in plan.pick(METHODS, METHODS[:1]):
            make = partial(workloads.estimator, method, workload, plan.device, max_epochs=4)
            first, case = make().fit(X), f"{method}, {workload.name}"
            value, detail = differences(first, make().fit(X), X)
            measure = "largest difference in the history"
            yield Row("determinism", f"{case}, same seed", measure, value, "<= 0", detail)
            with tempfile.TemporaryDirectory() as folder:
                broken = partial(make, checkpoint_dir=folder, checkpoint_interval=0)
                with contextlib.suppress(KeyboardInterrupt), interrupted(3):
                    broken().fit(X)
                value, detail = differences(first, broken().fit(X), X)
            yield Row("determinism", f"{case}, resumed", measure, value, "<= 0", detail)


def peak_memory(plan: Plan, options: Namespace) -> Iterator[Row]:
    """Measure the peak memory of fits: on a GPU the device's, else the process's growth."""
    on_cuda = plan.device.type == "cuda"
    for workload in plan.pick((SMALL, LARGE, HUGE), (TOY,)):
        X = workload.images(plan.pick(8, 2) * workload.batch_size)
        for method in plan.pick(METHODS, METHODS[:1]):
            model = workloads.estimator(method, workload, plan.device, max_epochs=1)
            if on_cuda:
                torch.cuda.empty_cache()
                torch.cuda.reset_peak_memory_stats(plan.device)
            with memory.Peak() as peak:
                model.fit(X)
            own = torch.cuda.max_memory_allocated(plan.device) if on_cuda else peak.growth
            reserved = torch.cuda.max_memory_reserved(plan.device) if on_cuda else 0
            detail = f"images {X.nbytes / memory.MIB:.0f} MiB"
            detail += f", reserved {reserved / memory.MIB:.0f} MiB" * on_cuda
            case = f"{method}, {workload.name}"
            yield Row("memory", case, "MiB at the peak of a fit", own / memory.MIB, "", detail)


def compiled(plan: Plan, options: Namespace) -> Iterator[Row]:
    """Compare compiled steps with eager ones, without CUDA graphs and with them."""
    import torch._inductor.config as inductor

    # Generating code for the CPU takes a minute; a toy is traced and no more.
    backend = plan.pick("inductor", "eager")
    for workload in plan.pick((LARGE, SMALL), (TOY,)):
        for method in plan.pick(METHODS, METHODS[:1]):
            for graphs in (False, True):
                with (
                    inductor.patch({"triton.cudagraphs": graphs}),
                    mock.patch("torch.compile", partial(torch.compile, backend=backend)),
                ):
                    rows = list(compiled_step(method, workload, plan))
                words = "with CUDA graphs" if graphs else "without graphs"
                for row in rows:
                    yield dataclasses.replace(row, case=f"{row.case}, {words}")


def cifar10(plan: Plan, options: Namespace) -> Iterator[Row]:
    """Run the recipes on CIFAR-10, with the papers' figures beside."""
    script = runpy.run_path(str(ROOT / "examples" / "paper_cifar10.py"))
    if plan.quick:
        rng = np.random.default_rng(0)
        X, y = rng.integers(0, 256, (24, 32, 32, 3), dtype=np.uint8), np.arange(24) % 10
    else:
        X, y = script["load_images"](options.cifar10, None)
    for name in options.methods:
        settings = recipe(name, "cifar10")
        folder = options.checkpoint_dir and options.checkpoint_dir / name
        model = getattr(skdeepcluster, settings.method)(**settings)
        model.set_params(
            max_epochs=options.max_epochs or model.max_epochs,
            device=plan.device,
            checkpoint_dir=folder,
            random_state=settings.get("random_state", 0),
            verbose=plan.pick(1, 0),
        )
        start = time.perf_counter()
        labels = model.fit_predict(script["resize"](X, options.image_size or settings.image_size))
        taken = f"{time.perf_counter() - start:.0f} s"
        here = {score: function(y, labels) for score, function in script["SCORES"].items()}
        beside = [
            f"{score} {value:.3f} (paper {settings.results.get(score)})"
            for score, value in here.items()
        ]
        case = f"{settings.method}, {model.max_epochs} of {settings['max_epochs']} epochs"
        paper = f">= {settings.results['ACC']}" if settings.results else ""
        yield Row("cifar10", case, "ACC", here["ACC"], paper, "; ".join([*beside, taken]))
