"""The cache: nothing is read twice, nothing changed is missed, and half a cache is no cache."""

from __future__ import annotations

import builtins
import os
import struct
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from image_folder import make_folder
from PIL import Image

from skdeepcluster.datasets import decoding, load_images, reading, spool

KINDS = ("png", "jpeg", "png grey", "tiff 16 bit", "text named jpg", "hidden")
N = 24
pytestmark = pytest.mark.filterwarnings("ignore:.*could not be read:UserWarning")


@pytest.fixture
def folder(tmp_path):
    make_folder(tmp_path / "pile", N, (12, 16), KINDS)
    return tmp_path / "pile"


@pytest.fixture
def place(tmp_path):
    return tmp_path / "cache"


@pytest.fixture
def opened(folder, monkeypatch):
    """List the files of the folder that are opened."""
    found = []

    def spy(path, *rest, **more):
        if str(path).startswith(str(folder)):
            found.append(str(path))
        return original(path, *rest, **more)

    original = builtins.open
    monkeypatch.setattr(builtins, "open", spy)
    return found


def same(first, second):
    np.testing.assert_array_equal(first.images, second.images)
    assert first.images.dtype == second.images.dtype
    assert first.filenames == second.filenames
    assert first.skipped == second.skipped
    np.testing.assert_array_equal(first.target, second.target)
    assert first.target_names == second.target_names
    return True


def reference(folder, tmp_path_factory):
    return load_images(folder, image_size=8, cache_dir=tmp_path_factory.mktemp("reference"))


def stop_at(monkeypatch, number, action):
    """Let something happen when so many files have been read; count those that are."""
    count = []

    def read(path, options):
        if len(count) == number:
            action()
        count.append(path)
        return original(path, options)

    original = decoding.read_image
    monkeypatch.setattr(reading, "read_image", read)
    return count


def interrupt():
    raise KeyboardInterrupt


def in_a_fork(action):
    """Run something in a child process, and return its exit status."""
    child = os.fork()
    if child == 0:
        try:
            action()
            os._exit(0)
        finally:
            os._exit(1)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def states(place):
    """Return the folders in which arrays are, whole or not."""
    return sorted(path for path in place.glob("images/*/*") if path.is_dir())


def test_a_second_call_opens_no_file_and_finds_the_same(folder, place, opened):
    first = load_images(folder, image_size=8, cache_dir=place)
    assert len(opened) == N - 1  # all but the hidden one
    opened.clear()
    assert same(first, load_images(folder, image_size=8, cache_dir=place))
    assert opened == []


def test_each_set_of_options_has_its_own(folder, place, opened):
    options = [{"image_size": 8}, {"image_size": 6}, {"resize": "crop"}, {"color": "gray"}]
    first = [load_images(folder, cache_dir=place, **each) for each in options]
    opened.clear()
    for found, each in zip(first, options, strict=True):
        assert same(found, load_images(folder, cache_dir=place, **each))
    assert opened == []
    assert len(states(place)) == len(options)


def test_a_sequence_has_one_too(folder, place, opened):
    paths = sorted(folder.rglob("*.png"))
    first = load_images(paths, image_size=8, cache_dir=place)
    opened.clear()
    second = load_images(paths, image_size=8, cache_dir=place)
    assert opened == []
    np.testing.assert_array_equal(first.images, second.images)
    turned = load_images(paths[::-1], image_size=8, cache_dir=place)
    np.testing.assert_array_equal(turned.images, first.images[::-1])


def test_changed_new_and_removed_files_are_noticed(folder, place):
    before = load_images(folder, image_size=8, cache_dir=place)
    path = Path(before.filenames[3])
    Image.fromarray(np.full((12, 16), 7, np.uint8)).save(path, format="PNG")
    changed = load_images(folder, image_size=8, cache_dir=place)
    np.testing.assert_allclose(changed.images[3], 7 / 255, atol=1e-6)
    path.unlink()
    assert str(path) not in load_images(folder, image_size=8, cache_dir=place).filenames
    Image.fromarray(np.full((12, 16), 9, np.uint8)).save(folder / "zzz.png")
    assert str(folder / "zzz.png") in load_images(folder, image_size=8, cache_dir=place).filenames
    assert len(states(place)) == 1  # what was before is gone


def test_a_file_of_the_same_size_that_was_changed_later_is_noticed(folder, place):
    path = folder / "0.bmp"
    Image.fromarray(np.full((12, 16), 7, np.uint8)).save(path)
    load_images(folder, image_size=8, cache_dir=place)
    status = path.stat()
    Image.fromarray(np.full((12, 16), 9, np.uint8)).save(path)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns + 1))
    found = load_images(folder, image_size=8, cache_dir=place)
    np.testing.assert_allclose(found.images[0], 9 / 255, atol=1e-6)


def test_images_that_are_in_use_stay_when_a_new_array_takes_their_place(folder, place):
    before = load_images(folder, image_size=8, cache_dir=place).images
    copy = before.copy()
    Image.fromarray(np.full((12, 16), 9, np.uint8)).save(folder / "zzz.png")
    load_images(folder, image_size=8, cache_dir=place)
    np.testing.assert_array_equal(before, copy)


@pytest.mark.parametrize(
    "damage",
    [
        lambda state: (state / "images").write_bytes((state / "images").read_bytes()[:-1]),
        lambda state: (state / "images").unlink(),
        lambda state: (state / "index.json").write_bytes(b""),
        lambda state: (state / "index.json").write_text('{"shape": [3]}'),
        lambda state: (state / "index.json").write_text("[]"),
        lambda state: (state / "index.json").unlink(),
    ],
)
def test_a_damaged_cache_is_made_anew(folder, place, damage):
    copies = load_images(folder, image_size=8, cache_dir=place).images.copy()
    damage(states(place)[0])
    np.testing.assert_array_equal(load_images(folder, image_size=8, cache_dir=place).images, copies)


def test_an_interrupted_read_goes_on_where_it_was(
    folder, place, monkeypatch, tmp_path_factory, opened
):
    expected = reference(folder, tmp_path_factory)
    stop_at(monkeypatch, 15, interrupt)
    with pytest.raises(KeyboardInterrupt):
        load_images(folder, image_size=8, cache_dir=place, n_jobs=1)
    monkeypatch.setattr(reading, "read_image", decoding.read_image)
    opened.clear()
    assert same(load_images(folder, image_size=8, cache_dir=place), expected)
    assert 0 < len(opened) < N - 8


@pytest.mark.parametrize("number", [0, 1, 13, N - 2])
def test_a_killed_read_leaves_nothing_that_is_taken_as_whole(
    folder, place, monkeypatch, tmp_path_factory, number
):
    expected = reference(folder, tmp_path_factory)
    monkeypatch.setattr(spool, "SECONDS_BETWEEN_WRITES", 0)

    def read_and_die():
        stop_at(monkeypatch, number, lambda: os._exit(9))
        load_images(folder, image_size=8, cache_dir=place, n_jobs=1)

    assert in_a_fork(read_and_die) == 9
    assert [state.suffix for state in states(place)] == [".part"]
    count = stop_at(monkeypatch, -1, None)
    assert same(load_images(folder, image_size=8, cache_dir=place), expected)
    assert len(count) <= N - 1 - max(0, number - 6)  # a few were under way


@pytest.mark.parametrize(
    "damage",
    [
        lambda part: (part / "pixels").write_bytes((part / "pixels").read_bytes()[:-70]),
        lambda part: (part / "pixels").unlink(),
        lambda part: (part / "pixels").write_bytes((part / "pixels").read_bytes() + b"more"),
        lambda part: (part / "journal").write_text((part / "journal").read_text()[:-5]),
        lambda part: (part / "journal").write_text("[1, 2]"),
        lambda part: (part / "journal").write_bytes(b"\xff\xfe\0"),
        lambda part: (part / "journal").unlink(),
    ],
)
def test_of_what_an_interrupted_read_left_only_what_is_whole_is_used(
    folder, place, monkeypatch, tmp_path_factory, damage
):
    expected = reference(folder, tmp_path_factory)
    stop_at(monkeypatch, 15, interrupt)
    with pytest.raises(KeyboardInterrupt):
        load_images(folder, image_size=8, cache_dir=place, n_jobs=1)
    monkeypatch.setattr(reading, "read_image", decoding.read_image)
    damage(states(place)[0])
    assert same(load_images(folder, image_size=8, cache_dir=place), expected)


def test_threads_at_once_read_each_file_once(folder, place, monkeypatch, tmp_path_factory):
    expected = reference(folder, tmp_path_factory)
    count = stop_at(monkeypatch, -1, None)
    start = threading.Barrier(4)

    def load(_):
        start.wait()
        return load_images(folder, image_size=8, cache_dir=place)

    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(load, range(4)))
    assert all(same(each, expected) for each in found)
    assert len(count) == N - 1


def test_processes_at_once_find_the_same(folder, place, tmp_path_factory):
    expected = reference(folder, tmp_path_factory)
    children = []
    for _ in range(3):
        child = os.fork()
        if child == 0:
            try:
                same(load_images(folder, image_size=8, cache_dir=place), expected)
                os._exit(0)
            finally:
                os._exit(1)
        children.append(child)
    assert [os.waitpid(child, 0)[1] for child in children] == [0, 0, 0]
    assert [state.suffix for state in states(place)] == [""]


def test_a_file_that_the_system_would_not_let_be_read_is_tried_again(folder, place, monkeypatch):
    locked = str(next(folder.rglob("*.png")))

    def refuse(path, *rest, **more):
        if path == locked:
            raise PermissionError(13, "Permission denied", path)
        return open(path, *rest, **more)

    monkeypatch.setattr(decoding, "open", refuse, raising=False)
    count = stop_at(monkeypatch, -1, None)
    for _ in range(2):
        found = load_images(folder, image_size=8, cache_dir=place)
        assert (locked, "Permission denied") in found.skipped
    assert len(count) == N - 1
    monkeypatch.setattr(decoding, "open", open)
    assert locked in load_images(folder, image_size=8, cache_dir=place).filenames


def test_a_damaged_file_that_makes_its_decoder_seek_too_far_is_one_of_the_skipped(folder, place):
    head = b"\0\0\0\x0cjP  \r\n\x87\n" + struct.pack(">I4sQ", 1, b"ftyp", 2**60)
    (folder / "far.jp2").write_bytes(head + bytes(50))
    for _ in range(2):
        found = load_images(folder, image_size=8, cache_dir=place)
        assert str(folder / "far.jp2") in dict(found.skipped)


def test_a_file_that_can_be_read_again_by_the_end_is_tried_in_the_next_call(
    folder, place, monkeypatch
):
    locked, asked = str(next(folder.rglob("*.png"))), []

    def refuse(path, *rest, **more):
        if path == locked and len(asked) < 2:  # by the decoder, and by the look at the bytes
            asked.append(path)
            raise PermissionError(13, "Permission denied", path)
        return open(path, *rest, **more)

    monkeypatch.setattr(decoding, "open", refuse, raising=False)
    assert locked in dict(load_images(folder, image_size=8, cache_dir=place).skipped)
    assert locked in load_images(folder, image_size=8, cache_dir=place).filenames


def test_new_versions_of_what_reads_the_files_read_them_anew(folder, place, monkeypatch, opened):
    load_images(folder, image_size=8, cache_dir=place)
    opened.clear()
    monkeypatch.setattr(decoding.importlib.metadata, "version", lambda name: "99")
    load_images(folder, image_size=8, cache_dir=place)
    assert len(opened) == N - 1
    assert len(states(place)) == 1


def test_an_error_for_one_file_does_not_spoil_the_next_call(folder, place, opened):
    with pytest.raises(ValueError, match="cannot be read"):
        load_images(folder, image_size=8, cache_dir=place, on_error="raise")
    opened.clear()
    assert len(load_images(folder, image_size=8, cache_dir=place).skipped) == 2
    assert len(opened) < N - 1


def test_where_nothing_could_be_read_nothing_is_left(folder, place):
    with pytest.raises(ValueError, match="none could be read"):
        load_images([folder], cache_dir=place)
    assert states(place) == []


def test_the_usual_folder_of_caches_is_used(folder, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    load_images(folder, image_size=8)
    assert len(states(tmp_path / "xdg" / "skdeepcluster")) == 1
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")  # has to be ignored
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    load_images(folder, image_size=8)
    assert len(states(tmp_path / "home" / ".cache" / "skdeepcluster")) == 1
    assert not Path("relative").exists()


def test_a_cache_within_the_folder_is_refused(folder):
    for inside in (folder, folder / "cache", folder / "x" / ".." / "y"):
        with pytest.raises(ValueError, match="cache_dir must not lie in the folder that is read"):
            load_images(folder, cache_dir=inside)
    assert not (folder / "cache").exists()


def test_a_cache_that_cannot_be_written_is_named(folder, tmp_path):
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(OSError, match=r"the cache cannot be written \(cache_dir"):
        load_images(folder, cache_dir=tmp_path / "file")
    assert (tmp_path / "file").read_text() == "no folder"


def test_a_full_disk_is_an_error_and_the_read_can_go_on(
    folder, place, monkeypatch, tmp_path_factory
):
    expected = reference(folder, tmp_path_factory)

    def fail(*unused):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(spool.Spool, "assemble", fail)
    with pytest.raises(OSError, match=r"says where it is\): No space left on device"):
        load_images(folder, image_size=8, cache_dir=place)
    monkeypatch.undo()
    count = stop_at(monkeypatch, -1, None)
    assert same(load_images(folder, image_size=8, cache_dir=place), expected)
    assert count == []
