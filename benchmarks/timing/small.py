"""Tiny fits, precision, and `torch.compile`."""

from __future__ import annotations

import statistics
from collections.abc import Iterator

from sklearn.datasets import load_digits, make_blobs

from skdeepcluster import methods
from timing.clock import in_turn, ratio, seconds
from timing.report import Plan, Row
from timing.workloads import LARGE, SMALL, WORKLOADS, Workload, open_steps, open_trainer


def small(plan: Plan) -> Iterator[Row]:
    """Time default fits on 50 x 2 blobs."""
    X, _ = make_blobs(50, random_state=0)
    for name in methods.__all__:
        model = getattr(methods, name)(3, device=plan.device, random_state=0)
        times = in_turn({"fit": lambda model=model: model.fit(X)}, plan.pick(5, 3), plan.device)
        value = statistics.median(times["fit"])
        yield Row("small", f"{name}, 50 x 2 blobs", "seconds of a default fit", value, "<= 0.7")


def precision(plan: Plan) -> Iterator[Row]:
    """Compare the steps in bfloat16 and float32, and where both end on the digits."""
    for workload in WORKLOADS:
        names = ("bfloat16", "float32")
        trainers = [
            open_trainer(
                "ContrastiveClustering",
                workload,
                4 * workload.batch_size,
                plan.device,
                precision=name,
            )
            for name in names
        ]
        steps = {name: open_steps(own) for name, own in zip(names, trainers, strict=True)}
        n_rounds = plan.pick(5, 2) if workload is LARGE else plan.pick(20, 8)
        times = in_turn(steps, n_rounds, plan.device)
        value, spread = ratio(times["float32"], times["bfloat16"])
        detail = ", ".join(f"{n} {statistics.median(own) * 1e3:.4g} ms" for n, own in times.items())
        yield Row(
            "precision", workload.name, "bfloat16 times as fast", value, "", f"{detail}; {spread}"
        )
    yield digits(plan)


def digits(plan: Plan) -> Row:
    """Compare the final losses of short trainings."""
    images, losses = load_digits().images, {}
    for name in ("bfloat16", "float32"):
        model = methods.ContrastiveClustering(
            10, max_epochs=plan.pick(20, 5), precision=name, device=plan.device, random_state=0
        )
        losses[name] = model.fit(images).history_[-1]["loss"]
    detail = ", ".join(f"{name} {loss:.4f}" for name, loss in losses.items())
    value = losses["bfloat16"] / losses["float32"]
    return Row("precision", "CC on digits", "final loss over float32's", value, "", detail)


def compiled(plan: Plan) -> Iterator[Row]:
    """Compile every method's step; count breaks of the graph and compare the times."""
    for workload in plan.pick(WORKLOADS, (SMALL,)):
        for name in plan.pick(methods.__all__, ["ContrastiveClustering"]):
            yield from compiled_step(name, workload, plan)


def compiled_step(name: str, workload: Workload, plan: Plan) -> Iterator[Row]:
    """Compile one method's step."""
    import torch._dynamo as dynamo

    dynamo.reset()
    dynamo.utils.counters.clear()
    n, case = 4 * workload.batch_size, f"{name}, {workload.name}"
    steps = {
        mode: open_steps(open_trainer(name, workload, n, plan.device, compile=mode == "compiled"))
        for mode in ("eager", "compiled")
    }
    first = seconds(steps["compiled"], plan.device)
    n_rounds = plan.pick(3, 2) if workload is LARGE else plan.pick(10, 5)
    times = in_turn(steps, n_rounds, plan.device)
    counters = dynamo.utils.counters
    breaks, graphs = sum(counters["graph_break"].values()), counters["stats"]["unique_graphs"]
    value, spread = ratio(times["eager"], times["compiled"])
    detail = ", ".join(f"{n} {statistics.median(own) * 1e3:.4g} ms" for n, own in times.items())
    detail += f"; first step {first:.0f} s; {spread}"
    yield Row("compile", case, "times as fast as eager", value, "", detail)
    yield Row("compile", case, "breaks of the graph", breaks, "<= 0", f"{graphs} graph(s)")
