"""How much text a file may hold beside the numbers of its tensors.

Text grows when it is parsed, up to 30 times. These bounds keep what `load` needs within twice the
size of the file, beside some MiB, and leave room for a history of 5,000 epochs or for 50,000 names
of columns; a larger model may have more of them.
"""

from __future__ import annotations

_HEADER, _BYTES_PER_HEADER_BYTE = 2 * 2**20, 16
_VALUES, _BYTES_PER_VALUE = 100_000, 256
_TENSORS = 10_000
PREFIX = 8  # the first bytes of a safetensors file hold the length of its header


def check_header(prefix: bytes, size: int) -> None:
    """
    Check how long the header of a safetensors file is, before anything parses it.

    Parameters
    ----------
    prefix : bytes
        The first `PREFIX` bytes of the file.
    size : int
        Bytes of the whole file.

    Raises
    ------
    ValueError
        If it is longer than is needed.
    """
    length = int.from_bytes(prefix, "little")
    # One that is longer than its file is none: safetensors says better what that file is not.
    if size >= length > _HEADER + size // _BYTES_PER_HEADER_BYTE:
        raise ValueError(f"its header of {length} bytes is too long for a file of {size} bytes")


def check_values(text: str, size: int) -> None:
    """
    Check how many values a manifest holds, by counting what JSON puts between them.

    Parameters
    ----------
    text : str
        The manifest, not parsed yet.
    size : int
        Bytes of the whole file.

    Raises
    ------
    ValueError
        If there are more than are needed.
    """
    count = sum(map(text.count, ",[{"))
    most = _VALUES + size // _BYTES_PER_VALUE
    if count > most:
        raise ValueError(f"its manifest holds {count} values, for its size at most {most}")


def check_count(count: int) -> None:
    """
    Check how many tensors a file holds: each costs far more than its text in the header.

    Parameters
    ----------
    count : int
        Their number.

    Raises
    ------
    ValueError
        If there are more than any network has.
    """
    if count > _TENSORS:
        raise ValueError(f"it holds {count} tensors, at most {_TENSORS} are allowed")
