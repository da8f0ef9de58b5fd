"""What a measurement leaves behind: rows of a table, and where they were measured."""

from __future__ import annotations

import datetime
import os
import platform
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

import torch

PACKAGES = ("skdeepcluster", "torch", "torchvision", "scikit-learn", "numpy", "lightly")


@dataclass(frozen=True)
class Plan:
    """
    How much to measure, and where.

    Parameters
    ----------
    device : torch.device
        Where to train and infer.
    quick : bool
        Whether fewer rounds and smaller data will do.
    compile : bool
        Whether the loops also run through `torch.compile`.
    """

    device: torch.device
    quick: bool = False
    compile: bool = False

    def pick(self, full: Any, quick: Any) -> Any:
        """Return what fits the plan."""
        return quick if self.quick else full


@dataclass(frozen=True)
class Row:
    """
    One line of the table.

    Parameters
    ----------
    section, case, measure : str
        What was measured.
    value : float
        The result.
    target : str, default=""
        ``">= 4"`` or ``"<= 0.7"``; empty where there is none.
    detail : str, default=""
        What else is worth knowing.
    """

    section: str
    case: str
    measure: str
    value: float
    target: str = ""
    detail: str = ""

    @property
    def met(self) -> str:
        """Say whether the target is met."""
        if not self.target:
            return ""
        sign, bound = self.target.split()
        met = self.value >= float(bound) if sign == ">=" else self.value <= float(bound)
        return "yes" if met else "no"

    def line(self) -> str:
        """Return the row in markdown."""
        cells = (self.section, self.case, self.measure, f"{self.value:.4g}", self.target, self.met)
        return f"| {' | '.join((*cells, self.detail))} |"


def heading() -> str:
    """Return the head of the table."""
    names = ("section", "case", "measure", "value", "target", "met", "detail")
    return f"| {' | '.join(names)} |\n| {' | '.join(['---'] * len(names))} |"


def about(plan: Plan) -> dict[str, Any]:
    """Describe the machine and the versions."""
    versions = {}
    for name in PACKAGES:
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            versions[name] = None
    on_cuda = plan.device.type == "cuda"
    return {
        "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="minutes"),
        "cpu": processor(),
        "cores": len(os.sched_getaffinity(0)),
        "threads": torch.get_num_threads(),
        "device": torch.cuda.get_device_name(plan.device) if on_cuda else plan.device.type,
        "python": platform.python_version(),
        "versions": versions,
        "quick": plan.quick,
    }


def processor() -> str:
    """Return the name of the processor, and what it has for bfloat16."""
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    named = dict(line.split(":", 1) for line in lines if ":" in line)
    fields = {key.strip(): value.strip() for key, value in named.items()}
    flags = fields.get("flags", "").split()
    able = [flag for flag in ("avx512_bf16", "amx_bf16") if flag in flags]
    family, model = fields.get("cpu family"), fields.get("model")
    return f"{fields.get('model name')} (family {family}, model {model}) {' '.join(able)}"
