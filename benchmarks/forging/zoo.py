"""Odd values, odd tensors, and random changes with them to nested lists and dicts."""

from __future__ import annotations

import copy
import math
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

import numpy as np
import safetensors.torch
import torch
from torch import Tensor, nn

Rng = np.random.Generator
ESCAPES = "\x1b[31mred\x1b[0m\r\n\x07\u202eend"  # what a terminal would obey
NUMBERS = (
    *(0, 1, 2, 3, 7, 64, -1, -(2**63), 2**20, 2**31 - 1, 2**31, 2**63, 2**64, 10**12, 10**400),
    *(-(10**400), 10**4000, 0.0, -0.0, 0.5, 1.0, -1.5, 3.0, 1e-5, 1e-30, 1e-45, 5e-324, 1e4, 1e19),
    *(1e30, 1.1e30, 1e38, 1e39, 1.7e308, -1e308),
)
TEXTS = (
    *("", "auto", "nan", "1", "cpu", "cuda", "meta", "first", "last", "float16", "bfloat16", "sgd"),
    *("photo", "glyph", "vector", "small", "mlp", "resnet18", "pandas", "default", "uniform"),
    *(
        ESCAPES,
        "a\nb",
        "\x00",
        "\ud800",
        "é\u2028",
        "x" * 100_000,
        "\x1b" * 5000,
        "__kind__",
        "../x",
    ),
)
LISTS = (
    [],
    {},
    [[]],
    {"": {}},
    [1, 2],
    [8, 8],
    [1, 8, 8],
    [64],
    [4, 16],
    [0],
    [-1, -1],
    [0.2, 1.0],
)
PLAIN = (None, True, False, *NUMBERS, *TEXTS, *LISTS)
AUGMENTATIONS = {
    "ImageAugmentation": ("crop_scale", "crop_ratio", "zoom", "blur_sigma", "rotation", "padding"),
    "VectorAugmentation": ("n_neighbors", "noise", "mask_probability", "mix"),
    ESCAPES: ("__class__", "noise"),
}


def pick(rng: Rng, items: Any) -> Any:
    """Draw one of some items."""
    items = list(items)
    return items[int(rng.integers(len(items)))]


def nest(depth: int, value: Any = 0) -> Any:
    """Put a value into so many lists."""
    for _ in range(depth):
        value = [value]
    return value


def odd_json(rng: Rng) -> Any:
    """Draw something that JSON holds."""
    makers: list[Callable[[], Any]] = [
        lambda: copy.deepcopy(pick(rng, PLAIN)),
        lambda: odd_kind(rng),
        lambda: nest(int(pick(rng, (3, 50, 400, 800)))),
        lambda: [copy.deepcopy(pick(rng, PLAIN)) for _ in range(int(rng.integers(5)))],
        lambda: {pick(rng, TEXTS): odd_json(rng)},
    ]
    return makers[rng.choice(len(makers), p=[0.6, 0.25, 0.05, 0.05, 0.05])]()


def flood(rng: Rng) -> tuple[str, Any]:
    """Draw a long value, and say in words what it is."""
    count = int(pick(rng, (1000, 30_000, 90_000, 1_000_000)))
    name, item = pick(
        rng, {"empty lists": [], "dicts": {"": 1}, "texts": "ab", "floats": 1e5}.items()
    )
    if rng.random() < 0.1:
        return f"a text of {20 * count}", "x" * (20 * count)
    return f"{count} {name}", [copy.copy(item) for _ in range(count)]


def odd_kind(rng: Rng) -> dict[str, Any]:
    """Draw what stands for a value that JSON lacks, right or wrong."""
    kind = pick(rng, ("float", "tuple", "given", "augmentation", "augmentation", "odd"))
    if kind == "float":
        return {"__kind__": kind, "value": pick(rng, ("nan", "inf", "-inf", "1.0", ESCAPES, 1.0))}
    if kind == "tuple":
        return {
            "__kind__": kind,
            "items": pick(rng, ([0.2, 1.0], [], {}, [[]], 3, nest(300), [1e30] * 2)),
        }
    if kind == "given":
        return {
            "__kind__": kind,
            pick(rng, ("what", "what", "code")): pick(rng, ("os.system", ESCAPES, 3)),
        }
    if kind == "augmentation":
        name = pick(rng, AUGMENTATIONS)
        names = [n for n in AUGMENTATIONS[name] if rng.random() < 0.4]
        return {"__kind__": kind, "name": name, "parameters": {n: odd_json(rng) for n in names}}
    return {"__kind__": pick(rng, (3, None, ESCAPES, "code", [], {}, "x" * 10_000)), "value": "x"}


def odd_object(rng: Rng) -> Any:
    """Draw something that a training state may hold."""
    makers: list[Callable[[], Any]] = [
        lambda: copy.deepcopy(pick(rng, PLAIN)),
        lambda: pick(
            rng, (math.nan, math.inf, -math.inf, 1j, b"x", (), (1, 2), {1}, {2: 3}, nest(90))
        ),
        lambda: pick(rng, (torch.float16, torch.Size([2]), OrderedDict(a=1), torch.device("cpu"))),
        lambda: odd_tensor(rng),
    ]
    return makers[rng.choice(len(makers), p=[0.5, 0.2, 0.1, 0.2])]()


def odd_tensor(rng: Rng) -> Tensor:
    """Draw a tensor out of place."""
    makers: list[Callable[[], Tensor]] = [
        lambda: torch.zeros(3),
        lambda: torch.tensor(1.5),
        lambda: torch.tensor(-1),
        lambda: torch.empty(0),
        lambda: torch.empty(2**40, 0),
        lambda: torch.zeros(1).expand(2**40),
        lambda: torch.empty(3, device="meta"),
        lambda: torch.full((2, 2), math.nan),
        lambda: torch.eye(3).to_sparse(),
        lambda: nn.Parameter(torch.ones(4)),
    ]
    return pick(rng, makers)()


# --- tensors ---------------------------------------------------------------------------------


def with_shape(tensor: Tensor, rng: Rng) -> Tensor:
    """Give a tensor another shape."""
    shapes: list[Callable[[], Tensor]] = [
        tensor.flatten,
        lambda: tensor.flatten()[:1].reshape(()) if tensor.numel() else torch.tensor(0.0),
        lambda: tensor[None],
        lambda: tensor.flatten()[:0],
        lambda: tensor.flatten()[:-1],
        lambda: torch.cat([tensor.flatten()] * 2),
        lambda: torch.empty(2**40, 0, dtype=tensor.dtype),
        lambda: torch.empty(0, 2**62, dtype=tensor.dtype),
        lambda: tensor.T if tensor.ndim == 2 else tensor.reshape(*tensor.shape, 1, 1),
    ]
    return pick(rng, shapes)()


# Not all of these can be added, and not every version of safetensors writes them.
EXOTIC = tuple(
    dtype
    for dtype in (torch.complex64, torch.float8_e4m3fn, torch.uint16, torch.bool)
    if dtype in safetensors.torch._SIZE
)
DTYPES = (
    *(torch.float16, torch.bfloat16, torch.float32, torch.float64, torch.int64, torch.int32),
    *(torch.uint8, *EXOTIC),
)


def with_dtype(tensor: Tensor, rng: Rng) -> Tensor:
    """Give a tensor another dtype."""
    return tensor.to(pick(rng, [dtype for dtype in DTYPES if dtype != tensor.dtype]))


FLOATS = (math.nan, math.inf, -math.inf, 1e38, -1e38, 1e20, -1e20, 1e-38, 0.0, -0.0, -1.0, 1e10)
INTEGERS = (-1, 0, 1, 2, 3, 30, 255, 2**20, 2**31, 2**62, 2**63 - 1, -(2**63))


def with_values(tensor: Tensor, rng: Rng) -> Tensor:
    """Give a tensor other values: one of them, all, or all of them changed."""
    values = tensor.clone(memory_format=torch.preserve_format)
    if not values.numel() or values.dtype in EXOTIC:
        return values
    if not values.is_floating_point():
        odd = torch.tensor(pick(rng, INTEGERS)).to(values.dtype)
    else:
        odd = torch.tensor(pick(rng, FLOATS), dtype=torch.float64).to(values.dtype)
    ways: list[Callable[[], Tensor]] = [
        lambda: with_one(values, tuple(int(rng.integers(n)) for n in values.shape), odd),
        lambda: values.fill_(odd),
        lambda: values * odd,
        lambda: values + odd,
        lambda: values.flatten().flip(0).view(values.shape),
    ]
    return pick(rng, ways)()


def with_one(values: Tensor, index: tuple[int, ...], value: Tensor) -> Tensor:
    """Change one value of a tensor."""
    values[index] = value
    return values


def with_memory(tensor: Tensor, rng: Rng) -> Tensor:
    """Lay a tensor's values out in another way, or leave them out."""
    first = tensor.flatten()[:1]
    ways: list[Callable[[], Tensor]] = [
        lambda: first.reshape([1] * tensor.ndim).expand(tensor.shape) if len(first) else tensor,
        lambda: tensor.transpose(0, -1).contiguous().transpose(0, -1) if tensor.ndim else tensor,
        lambda: torch.empty_like(tensor, device="meta"),
        lambda: torch.stack([tensor] * 3, dim=-1)[..., 1],
        lambda: tensor.to_sparse() if tensor.ndim else tensor,
        lambda: nn.Parameter(tensor.clone()) if tensor.is_floating_point() else tensor,
    ]
    return pick(rng, ways)()


# --- nested values ---------------------------------------------------------------------------


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """List the paths to all that stands in nested dicts, lists and tuples."""
    items: Any = ()
    if isinstance(value, dict):
        items = value.items()
    elif isinstance(value, (list, tuple)) and not isinstance(value, torch.Size):
        items = enumerate(value)
    found = [] if not path else [path]
    for key, item in items:
        found += places(item, (*path, key))
    return found


def look_up(value: Any, path: tuple[Any, ...]) -> Any:
    """Return what stands at a path."""
    for key in path:
        value = value[key]
    return value


def place(rng: Rng, value: Any) -> tuple[Any, ...]:
    """Draw a path: first how deep, so that shallow ones, which are few, are as likely."""
    paths = places(value)
    depth = pick(rng, sorted({len(path) for path in paths}))
    return pick(rng, [path for path in paths if len(path) == depth])


def put(value: Any, path: tuple[Any, ...], item: Any) -> Any:
    """Return a nested value with something else at a path; only what is on the path is new."""
    if not path:
        return item
    key, inner = path[0], put(value[path[0]], path[1:], item)
    if isinstance(value, tuple):
        return tuple(inner if n == key else old for n, old in enumerate(value))
    same = copy.copy(value)
    same[key] = inner
    return same


def without(value: Any, path: tuple[Any, ...]) -> Any:
    """Return a nested value without what stands at a path."""
    inner = look_up(value, path[:-1])
    if isinstance(inner, dict):
        kept: Any = copy.copy(inner)
        del kept[path[-1]]
    else:
        kept = type(inner)(item for n, item in enumerate(inner) if n != path[-1])
    return put(value, path[:-1], kept)


def with_entry(value: Any, path: tuple[Any, ...], key: Any) -> Any:
    """Return a nested value in which an entry stands a second time, under another name."""
    inner, item = look_up(value, path[:-1]), look_up(value, path)
    if isinstance(inner, dict):
        more: Any = copy.copy(inner)
        more[key] = item
    else:
        more = type(inner)([*inner, item])
    return put(value, path[:-1], more)


def changed_entry(value: Any, rng: Rng, keys: Any) -> tuple[str, Any]:
    """Leave out, copy or rename an entry of nested values."""
    path, key = place(rng, value), pick(rng, keys)
    way = pick(rng, ("left out", "copied", "renamed"))
    if way != "left out":
        value = with_entry(value, path, key)
    if way != "copied":
        value = without(value, path)
    return f"{shown(path)} {way}" + (f" as {shown(key)}" if way != "left out" else ""), value


def shown(value: Any) -> str:
    """Describe a value in a few characters."""
    if isinstance(value, Tensor):
        strides = value.stride() if value.layout == torch.strided else value.layout
        return f"{value.dtype} of shape {tuple(value.shape)} and strides {strides}"
    if isinstance(value, int) and abs(value) > 10**20:
        return "a huge integer"
    if isinstance(value, tuple):
        return "/".join(map(str, value)).encode("unicode_escape").decode()[:80]
    text = repr(value)
    return text if len(text) < 90 else f"{text[:80]}... ({len(text)} characters)"
