"""The file: tensors and a manifest in safetensors, written beside, renamed, and checked."""

from __future__ import annotations

import hashlib
import json
import os
import stat
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from skdeepcluster._files import write_whole
from skdeepcluster.persistence.bounds import PREFIX, check_count, check_header, check_values

FORMAT = "skdeepcluster"
FORMAT_VERSION = 1


def write_file(
    path: Path, manifest: Mapping[str, Any], tensors: Mapping[str, Tensor], *, overwrite: bool
) -> None:
    """
    Write a file; whatever goes wrong, there is the old one or the new one, whole.

    Parameters
    ----------
    path : Path
        Where to.
    manifest : mapping
        What JSON holds.
    tensors : mapping of str to Tensor
        Contiguous, on the CPU, each with storage of its own.
    overwrite : bool
        Whether a file that is there is replaced.

    Raises
    ------
    FileExistsError
        If there is a file and `overwrite` is False, also one that came in the meantime. Without
        links in the file system, one that comes in the last instant is missed.
    ValueError
        If the manifest is longer than `read_file` takes.
    OSError
        If it cannot be written.
    """
    content = sealed(manifest, tensors)
    try:
        check_header(content[:PREFIX], len(content))
        check_count(len(tensors))
        check_values(json.dumps(manifest), len(content))
    except ValueError as error:
        raise ValueError(
            f"No file can hold so long a history_ or so many names: {error}"
        ) from error
    write_whole(path, [content], overwrite=overwrite)


def sealed(manifest: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> bytes:
    """
    Put a manifest and tensors into the bytes of a file, with the checksum.

    Parameters
    ----------
    manifest : mapping
        What JSON holds.
    tensors : mapping of str to Tensor
        Contiguous, on the CPU, each with storage of its own.

    Returns
    -------
    bytes
        What `read_file` reads.
    """
    manifest = {"format": FORMAT, "format_version": FORMAT_VERSION, **manifest}
    manifest["sha256"] = _checksum(manifest, tensors)
    return save(dict(tensors), metadata={FORMAT: json.dumps(manifest, allow_nan=False)})


@contextmanager
def _named_in_utf8(path: Path) -> Iterator[str]:
    """Give a file a name that safetensors can read, by a link to it where its own is none."""
    try:
        str(path).encode()
    except UnicodeEncodeError:
        with tempfile.TemporaryDirectory() as folder:
            link = os.path.join(folder, "model")
            os.symlink(os.path.abspath(path), link)
            yield link
    else:
        yield str(path)


def read_file(path: Path) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """
    Read a file and check that it is what was written.

    Parameters
    ----------
    path : Path
        The file.

    Returns
    -------
    manifest : dict
        Without format and checksum.
    tensors : dict of str to Tensor
        On the CPU; together as large as the file.

    Raises
    ------
    OSError
        If there is no file or it cannot be read.
    ValueError
        If it is something else, of a newer format, or damaged; the message says which.
    """
    found = os.stat(path)
    if not stat.S_ISREG(found.st_mode):
        raise ValueError("it is not a file")
    with open(path, "rb") as raw:
        check_header(raw.read(PREFIX), found.st_size)
    try:
        with _named_in_utf8(path) as name, safe_open(name, framework="pt") as file:
            check_count(len(file.keys()))
            manifest = _parse(file.metadata(), found.st_size)
            tensors = {name: file.get_tensor(name).clone() for name in file.keys()}  # noqa: SIM118
    except (SafetensorError, TypeError) as error:
        raise ValueError(
            f"it is damaged, cut short, or not a safetensors file ({error})"
        ) from error
    if manifest.pop("sha256", None) != _checksum(manifest, tensors):
        raise ValueError("it is damaged: its checksum does not fit its content")
    del manifest["format"], manifest["format_version"]
    return manifest, tensors


def _parse(metadata: dict[str, str] | None, size: int) -> dict[str, Any]:
    if not metadata or set(metadata) != {FORMAT}:
        raise ValueError("it is a safetensors file, but not of a model of skdeepcluster")
    check_values(metadata[FORMAT], size)
    try:
        manifest = json.loads(metadata[FORMAT], parse_constant=_refuse_constant)
    except RecursionError as error:
        raise ValueError("its manifest is nested too deeply") from error
    if not isinstance(manifest, dict) or manifest.get("format") != FORMAT:
        raise ValueError("its manifest is not one of skdeepcluster")
    _check_format_version(manifest)
    return manifest


def _refuse_constant(text: str) -> NoReturn:
    raise ValueError(f"its manifest holds {text}")


def _check_format_version(manifest: dict[str, Any]) -> None:
    found = manifest.get("format_version")
    if type(found) is not int or found < 1:
        raise ValueError(f"its format version is {found!r}, not a positive integer")
    if found > FORMAT_VERSION:
        raise ValueError(
            f"it has the format {found}, this version of skdeepcluster reads formats up to "
            f"{FORMAT_VERSION}: a newer skdeepcluster is needed"
        )


def _checksum(manifest: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> str:
    """Digest the manifest and each tensor's name, dtype, shape and bytes."""
    digest = hashlib.sha256(json.dumps(manifest, allow_nan=False).encode())
    for name, tensor in sorted(tensors.items()):
        head = [name, str(tensor.dtype), list(tensor.shape)]
        digest.update(json.dumps(head).encode())
        digest.update(tensor.flatten().view(torch.uint8).numpy().data)
    return digest.hexdigest()
