"""Items are read in order, one ahead of the one in use."""

from __future__ import annotations

import pytest
import torch

from skdeepcluster.data.reading_ahead import read_ahead


def test_one_item_is_read_ahead():
    read = []

    def of(number):
        read.append(number)
        return torch.tensor(number)

    for at, chunk in enumerate(read_ahead(of, range(5))):
        assert chunk == at
        assert len(read) <= at + 2
    assert read == [0, 1, 2, 3, 4]
    assert list(read_ahead(of, [])) == []


def test_what_cannot_be_read_is_told():
    def of(number):
        if number == 2:
            raise OSError("the disk is gone")
        return torch.tensor(number)

    with pytest.raises(OSError, match="the disk is gone"):
        list(read_ahead(of, range(4)))
