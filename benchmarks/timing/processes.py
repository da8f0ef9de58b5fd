"""Two processes beside one: `benchmarks/processes.py` as a section."""

from __future__ import annotations

from collections.abc import Iterator

import processes

from timing.report import Plan, Row


def measure(plan: Plan) -> Iterator[Row]:
    """Yield the ratio of each case."""
    yield from processes.measure(plan.pick(2, 1))
