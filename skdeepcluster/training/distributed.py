"""The processes that train one model together, by `torch.distributed`."""

from __future__ import annotations

import gc
import multiprocessing
import os
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cache
from itertools import pairwise
from typing import Any, Self, TypeVar

import torch
import torch.distributed as dist
from torch import Tensor, nn

Made = TypeVar("Made")
CPU = torch.device("cpu")
ANNOUNCED = ("RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT")  # what torchrun sets
PATIENCE = timedelta(minutes=10)  # of torch, it is three times that on a CPU


@dataclass(frozen=True)
class Processes:
    """
    A process, and those it trains with.

    Each sees the same samples and draws the same numbers. A batch is shared out for the networks;
    what they make of it is joined again, and every process computes the whole loss.

    Parameters
    ----------
    rank : int, default=0
        Number of this process.
    size : int, default=1
        Number of processes.
    connection : list of ProcessGroup, default=[]
        Their connection. It is closed once nothing refers to it, so it is in a list that can be
        emptied, whoever else holds this object.
    device : torch.device, default=torch.device("cpu")
        Where the connection wants tensors.
    """

    rank: int = 0
    size: int = 1
    connection: list[Any] = field(default_factory=list)
    device: torch.device = CPU

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        return self

    @property
    def group(self) -> Any:
        """The process group."""
        return self.connection[0]

    @property
    def is_first(self) -> bool:
        """Whether this process is the one that writes and speaks."""
        return self.rank == 0

    def share(self, count: int) -> slice:
        """
        Return this process's share of a number of rows.

        Parameters
        ----------
        count : int
            Number of rows.

        Returns
        -------
        slice
            Consecutive rows; shares differ by one row at most.
        """
        return slice(*self._edges(count)[self.rank : self.rank + 2])

    def lengths(self, count: int) -> list[int]:
        """
        Return the lengths of all shares.

        Parameters
        ----------
        count : int
            Number of rows.

        Returns
        -------
        list of int
            By rank.
        """
        return [stop - start for start, stop in pairwise(self._edges(count))]

    def _edges(self, count: int) -> list[int]:
        return [count * rank // self.size for rank in range(self.size + 1)]

    def gather(self, rows: Tensor, count: int) -> Tensor:
        """
        Put the shares of all processes one below the other, without gradients.

        Parameters
        ----------
        rows : Tensor of shape (b, ...)
            This process's share.
        count : int
            Number of rows of all shares.

        Returns
        -------
        Tensor of shape (count, ...)
            The whole, equal in every process.
        """
        if self.size == 1:
            return rows
        lengths = self.lengths(count)
        shape = max(lengths), *rows.shape[1:]
        padded = torch.zeros(shape, dtype=rows.dtype, device=self.device)
        padded[: len(rows)] = rows
        parts = [torch.empty_like(padded) for _ in lengths]
        dist.all_gather(parts, padded, group=self.group)
        whole = torch.cat([part[:length] for part, length in zip(parts, lengths, strict=True)])
        return whole.to(rows.device)

    def join(self, rows: Tensor, count: int, n_views: int) -> Tensor:
        """
        Put together what all processes made of the views of their samples, with gradients.

        The gradient of a share is `size` times that of a loss which only this process computes:
        divide the loss by `size`, and add up the gradients of all processes.

        Parameters
        ----------
        rows : Tensor of shape (n_views * b, ...)
            Rows of this process: all of the first view, then of the second, and so on.
        count : int
            Number of samples of the whole batch.
        n_views : int
            Number of views.

        Returns
        -------
        Tensor of shape (n_views * count, ...)
            Rows of all processes, in the same order.
        """
        return rows if self.size == 1 else _Join.apply(rows, count, n_views, self)

    def add_up(self, tensors: Iterable[Tensor]) -> None:
        """
        Replace tensors by their sums over all processes.

        Parameters
        ----------
        tensors : iterable of Tensor
            The same in number and shape in every process.
        """
        if self.size == 1:
            return
        by_kind: dict[Any, list[Tensor]] = {}
        for tensor in tensors:
            by_kind.setdefault((tensor.dtype, tensor.device), []).append(tensor)
        for alike in by_kind.values():  # one message, as each takes its time to begin
            flat = torch.cat([tensor.reshape(-1) for tensor in alike]).to(self.device)
            dist.all_reduce(flat, group=self.group)
            parts = flat.split([tensor.numel() for tensor in alike])
            for tensor, part in zip(alike, parts, strict=True):
                tensor.copy_(part.view_as(tensor))

    def from_first(self, value: Any) -> Any:
        """
        Hand on an object of the first process.

        Parameters
        ----------
        value : object
            Anything that can be pickled.

        Returns
        -------
        object
            The first process's.
        """
        if self.size == 1:
            return value
        box = [value]
        dist.broadcast_object_list(box, src=0, group=self.group, device=self.device)
        return box[0]

    def agree(self, make: Callable[[], Made]) -> Made:
        """
        Do something in every process, or fail in every process.

        Parameters
        ----------
        make : callable
            What to do.

        Returns
        -------
        object
            What it returns here.

        Raises
        ------
        RuntimeError
            If it has failed in another process; the message says there.
        """
        made, problem = None, None
        try:
            made = make()
        except Exception as error:
            problem = error
        told = self.all_of(problem and f"{type(problem).__name__}: {problem}")
        if problem is not None:
            raise problem
        failed = [f"process {rank}: {text}" for rank, text in enumerate(told) if text]
        if failed:
            raise RuntimeError(f"Training has failed in {'; '.join(failed)}")
        return made  # type: ignore[return-value]

    def same_weights(self, module: nn.Module) -> None:
        """
        Give a module the weights and buffers of the first process.

        Parameters
        ----------
        module : nn.Module
            The same in every process but for rounding.
        """
        if self.size > 1:
            for tensor in module.state_dict().values():
                there = tensor.to(self.device)
                dist.broadcast(there, src=0, group=self.group)
                tensor.copy_(there)

    def all_of(self, value: Any) -> list[Any]:
        """
        Collect an object of each process.

        Parameters
        ----------
        value : object
            Anything that can be pickled.

        Returns
        -------
        list of object
            By rank.
        """
        found: list[Any] = [value] * self.size
        if self.size > 1:
            dist.all_gather_object(found, value, group=self.group)
        return found


ALONE = Processes()


class _Join(torch.autograd.Function):
    """Gather with gradients: those of this process's own rows, times the number of processes."""

    @staticmethod
    def forward(ctx: Any, rows: Tensor, count: int, n_views: int, processes: Processes) -> Tensor:
        ctx.count, ctx.n_views, ctx.processes = count, n_views, processes
        by_sample = rows.view(n_views, -1, *rows.shape[1:]).transpose(0, 1).contiguous()
        whole = processes.gather(by_sample, count).transpose(0, 1)
        return whole.reshape(-1, *rows.shape[1:])

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        (gradient,) = gradients
        own = gradient.view(ctx.n_views, ctx.count, *gradient.shape[1:])
        own = own[:, ctx.processes.share(ctx.count)] * ctx.processes.size
        return own.reshape(-1, *gradient.shape[1:]), None, None, None


@contextmanager
def open_processes(distributed: bool | str, device: torch.device) -> Iterator[Processes]:
    """
    Connect this process to those it trains with, for as long as that takes.

    The connection is one of its own, also where there is a process group: when it is closed, be it
    for an error here, the others do not wait for this process any more.

    Parameters
    ----------
    distributed : bool or "auto"
        ``"auto"`` joins the process group that exists or that torchrun's variables announce;
        True demands one; False trains alone.
    device : torch.device
        Where training runs.

    Yields
    ------
    Processes
        This process and the others.

    Raises
    ------
    ValueError
        If ``distributed=True`` and there are no other processes.
    """
    wanted = distributed is not False and dist.is_available()
    is_open = wanted and dist.is_initialized()
    opened = wanted and not is_open and _is_announced()
    if distributed is True and not is_open and not opened:
        raise ValueError(
            "distributed=True needs a process group, or to be run by torchrun: there is neither."
        )
    if not (is_open or opened):
        yield Processes()
        return
    # What is sent as objects goes by the current GPU, which is the first one in every process.
    with torch.cuda.device(device) if device.type == "cuda" else nullcontext():
        yield from _connected(device, opened)


def _connected(device: torch.device, opened: bool) -> Iterator[Processes]:
    """Connect to the others; `opened` says that there is no process group yet."""
    backend = "nccl" if device.type == "cuda" else "gloo"
    if opened:
        _open(backend, *(os.environ[name] for name in ANNOUNCED))
    connection: list[Any] = []
    try:
        if dist.get_world_size() == 1:
            yield Processes()
            return
        connection.append(dist.new_group(backend=backend, timeout=_patience_of_world()))
        where = device if backend == "nccl" else CPU
        yield Processes(dist.get_rank(), dist.get_world_size(), connection, where)
    except BaseException as error:
        is_broken = bool(connection) and isinstance(error, RuntimeError) and _is_broken(error)
        if backend == "nccl":
            _break_off(connection, opened)
        if not is_broken:
            raise
        raise RuntimeError(
            "Another process of this training has failed, was stopped or is out of reach; what it "
            "says is the cause."
        ) from error
    finally:
        if connection:
            dist.destroy_process_group(connection.pop())
            gc.collect()  # of what an error holds in a circle
        if opened and dist.is_initialized():
            dist.destroy_process_group()


def _break_off(connection: list[Any], opened: bool) -> None:
    """
    Abort what NCCL is at: to be closed, it would wait for the others, which wait for this process.

    Where torch cannot do that, the connection is left to be closed as usual.
    """
    abort = getattr(dist.distributed_c10d, "_abort_process_group", None)
    if abort is None:
        return
    with suppress(Exception):  # which would hide the cause
        if connection:
            abort(connection.pop())
        if opened:
            abort()


def _open(backend: str, rank: str, size: str, host: str, port: str) -> None:
    """Open the process group that torchrun's variables announce."""
    store = _store(rank, size, host, port)
    meeting = _meeting(store, int(rank), int(size))
    dist.init_process_group(
        backend,
        store=dist.PrefixStore(f"skdeepcluster/{meeting}", store),
        rank=int(rank),
        world_size=int(size),
        timeout=PATIENCE,
    )


@cache
def _store(rank: str, size: str, host: str, port: str) -> dist.Store:
    """Connect to where the processes find each other; it stays, for the next `fit`."""
    return next(dist.rendezvous("env://", timeout=PATIENCE))[0]


def _meeting(store: dist.Store, rank: int, size: int) -> int:
    """
    Return a number that those processes have in common that are now in the same `fit`.

    What an earlier `fit`, or one before torchrun's restart, has left in the store is still there:
    who takes that for the others' addresses waits for processes that have ended.
    """
    if rank == 0:
        number = store.add("skdeepcluster/meetings", 1)
        try:
            store.wait([f"skdeepcluster/{number}/{other}" for other in range(1, size)], PATIENCE)
        except RuntimeError as error:
            raise RuntimeError(_absent(size)) from error
        store.set(f"skdeepcluster/{number}/all", "")
        return number
    deadline = time.monotonic() + PATIENCE.total_seconds()
    joined = 0
    while time.monotonic() < deadline:
        number = store.add("skdeepcluster/meetings", 0)
        if number > joined and store.add(f"skdeepcluster/{number}/{rank}", 1) == 1:
            joined = number  # the first of this rank, so this meeting is not over
        if number == joined > 0 and store.check([f"skdeepcluster/{number}/all"]):
            return number
        time.sleep(0.02)
    raise RuntimeError(_absent(size))


def _absent(size: int) -> str:
    return f"Not all {size} processes have called fit within {PATIENCE}."


def _patience_of_world() -> timedelta | None:
    """Return how long the process group that exists waits, which a new one would not inherit."""
    world = dist.distributed_c10d._get_default_group()
    options = getattr(world._get_backend(world._device_types[0]), "options", None)
    return getattr(options, "_timeout", None)


def _is_broken(error: RuntimeError) -> bool:
    """Say whether an error is that of a connection whose other end has gone."""
    return isinstance(error, dist.DistError) or "gloo" in str(error)


def _is_announced() -> bool:
    """Say whether torchrun has started this process, and not a worker of joblib's within it."""
    if not all(name in os.environ for name in ANNOUNCED) or int(os.environ["WORLD_SIZE"]) == 1:
        return False
    if multiprocessing.parent_process() is not None:
        raise ValueError(
            "Under torchrun a search needs n_jobs=1: its workers are not among torchrun's "
            "processes. distributed=False trains alone in each."
        )
    return True
