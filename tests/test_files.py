"""Files are written whole, where the caller means them to be, and nothing is left beside them."""

from __future__ import annotations

import errno
import os
import socket
import stat
import subprocess
import sys

import numpy as np
import pytest
from saved import fitted, load_quietly
from trainings import make

from skdeepcluster._files import remove_left_over, write_whole

NAME = ".skdeepcluster-{host}-{process}-0123abcd.part"


def left_by(process, folder):
    path = folder / NAME.format(host=socket.gethostname()[:64], process=process)
    path.write_bytes(b"half")
    return path


@pytest.fixture
def dead():
    """Return the number of a process that has ended."""
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        process.wait()
    return process.pid


def test_a_new_file_has_the_permissions_of_the_old_one(tmp_path):
    path = tmp_path / "file"
    write_whole(path, [b"a"], overwrite=False)
    usual = stat.S_IMODE(path.stat().st_mode)
    path.chmod(0o600)
    write_whole(path, [b"b", b"c"], overwrite=True)
    assert path.read_bytes() == b"bc"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600 != usual


def test_a_link_stays_a_link(tmp_path):
    (tmp_path / "elsewhere").mkdir()
    target, link = tmp_path / "elsewhere" / "target", tmp_path / "link"
    target.write_bytes(b"old")
    link.symlink_to(target)
    with pytest.raises(FileExistsError, match="link"):
        write_whole(link, [b"new"], overwrite=False)
    write_whole(link, [b"new"], overwrite=True)
    assert link.is_symlink()
    assert target.read_bytes() == b"new"
    assert os.listdir(target.parent) == ["target"]


def test_what_dead_writers_left_is_removed_and_nothing_else(tmp_path, dead):
    gone, own = left_by(dead, tmp_path), left_by(os.getpid(), tmp_path)
    others = tmp_path / NAME.format(host="another", process=dead)
    kept = [own, others, tmp_path / "notes.part", tmp_path / ".skdeepcluster-notes.part"]
    for path in kept[1:]:
        path.write_bytes(b"mine")
    remove_left_over(tmp_path)
    assert not gone.exists()
    assert all(path.exists() for path in kept)
    left_by(dead, tmp_path)
    write_whole(tmp_path / "file", [b"a"], overwrite=False)
    assert not gone.exists()


def test_a_fit_cleans_its_folder(rows, tmp_path, dead):
    gone = left_by(dead, tmp_path)
    make(checkpoint_dir=tmp_path, max_epochs=1).fit(rows)
    assert not gone.exists()


def test_the_folder_is_synchronised_after_the_name_is_given(tmp_path, monkeypatch):
    synced, fsync = [], os.fsync

    def spy(descriptor):
        kind = stat.S_ISDIR(os.fstat(descriptor).st_mode)
        synced.append((kind, (tmp_path / "file").exists()))
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", spy)
    write_whole(tmp_path / "file", [b"a"], overwrite=False)
    assert synced == [(False, False), (True, True)]


@pytest.mark.parametrize("name", ["n" * 255, os.fsdecode(b"caf\xe9"), "line\nbreak", "\x1b[31m"])
def test_models_have_any_name_that_files_have(tmp_path, name):
    model, X = fitted("ContrastiveClustering", "vectors")
    model.save(tmp_path / name)
    loaded = load_quietly(tmp_path / name)
    np.testing.assert_array_equal(loaded.transform(X), model.transform(X))
    assert os.listdir(tmp_path) == [name]


def test_a_folder_that_is_absent_is_named(tmp_path):
    with pytest.raises(
        FileNotFoundError, match=r"absent/model' cannot be written: .*no such folder"
    ):
        fitted("ContrastiveClustering", "vectors")[0].save(tmp_path / "absent" / "model")
    assert not list(tmp_path.iterdir())


def test_a_full_disk_is_named_by_the_file(tmp_path):
    def parts():
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        yield b""

    with pytest.raises(OSError, match=r"No space left on device: .*model") as caught:
        write_whole(tmp_path / "model", parts(), overwrite=False)
    assert caught.value.errno == errno.ENOSPC
    assert not list(tmp_path.iterdir())
