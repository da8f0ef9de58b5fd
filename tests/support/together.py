"""Functions run in several processes that are connected by gloo."""

from __future__ import annotations

import pickle
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
from torch import multiprocessing


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def together(function: Callable[..., Any], n: int, folder: Path, *arguments: Any) -> list[Any]:
    """Call a function of a module in n processes, and return what each returns."""
    call = (n, free_port(), folder, function, arguments)
    multiprocessing.spawn(_run, call, nprocs=n)
    return [pickle.loads((folder / f"{rank}").read_bytes()) for rank in range(n)]


def _run(
    rank: int, n: int, port: int, folder: Path, function: Callable[..., Any], arguments: Any
) -> None:
    torch.set_num_threads(1)
    store = dist.TCPStore("127.0.0.1", port, n, rank == 0)
    dist.init_process_group("gloo", store=store, rank=rank, world_size=n)
    result = function(*arguments)
    (folder / f"{rank}").write_bytes(pickle.dumps(result))
    dist.barrier()
    dist.destroy_process_group()
