"""A folder of images: what becomes of each kind of file, and which values its image has."""

from __future__ import annotations

import builtins
import hashlib
import os
import struct
import sys
import tracemalloc
import zlib
from pathlib import Path

import numpy as np
import pytest
import tifffile
from image_folder import CLASSES, KINDS, READ, deep, grey, make_folder, picture, save
from PIL import Image, ImageOps

from skdeepcluster import ContrastiveClustering
from skdeepcluster.datasets import load_images

SIZE = (48, 64)


@pytest.fixture(autouse=True)
def _cache(tmp_path_factory, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))


def state(folder):
    """Return the content and the time of change of every regular file."""
    return {
        path: (hashlib.sha256(path.read_bytes()).hexdigest(), path.stat().st_mtime_ns)
        for path in sorted(Path(folder).rglob("*"))
        if path.is_file()
    }


def drawn(label="discs", size=SIZE, seed=0):
    return picture(label, np.random.default_rng(seed), size)


def write(path, values):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(values).save(path)
    return path


@pytest.fixture(scope="module")
def pile(tmp_path_factory):
    """Make one file of each kind, and read them all."""
    folder = tmp_path_factory.mktemp("pile")
    made = make_folder(folder, len(KINDS), SIZE)
    before = state(folder)
    with (
        pytest.warns(UserWarning, match="files could not be read"),
        pytest.warns(Image.DecompressionBombWarning),
    ):
        found = load_images(folder, image_size=SIZE, cache_dir=tmp_path_factory.mktemp("own"))
    return folder, {each.kind.name: each for each in made}, before, found


@pytest.mark.parametrize("name", KINDS)
def test_a_file_of_each_kind_is_read_right_or_skipped_with_its_reason(pile, name):
    _, made, _, found = pile
    each = made[name]
    expected = each.expected()
    if expected is None:
        assert each.path not in found.filenames
        reason = dict(found.skipped)[each.path]
        assert each.kind.reason and each.kind.reason in reason
        return
    image = found.images[found.filenames.index(each.path)]
    if expected.ndim == 2:
        expected = np.repeat(expected[..., None], 3, axis=2)
    np.testing.assert_allclose(image, expected, atol=each.kind.tolerance)


def test_there_are_many_kinds():
    assert len(KINDS) >= 90
    assert len(READ) >= 60


def test_every_file_is_either_read_or_skipped(pile):
    folder, _, _, found = pile
    listed = found.filenames + [name for name, _ in found.skipped]
    assert len(listed) == len(set(listed))
    there = {os.path.join(path, name) for path, _, files in os.walk(folder) for name in files}
    loops = {str(path) for path in folder.rglob("loop-*")}
    assert set(listed) == there | loops
    assert len(found.images) == len(found.filenames)


def test_the_originals_stay_as_they_are(pile):
    folder, _, before, _ = pile
    assert state(folder) == before


def test_names_open_their_files(pile):
    assert all(os.path.isfile(name) for name in pile[3].filenames)


def test_classes_are_the_first_folders(pile):
    folder, _, _, found = pile
    assert found.target_names == list(CLASSES)
    assert found.target.dtype == np.int64
    for name, target in zip(found.filenames, found.target, strict=True):
        assert Path(name).relative_to(folder).parts[0] == CLASSES[target]


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")  # of two epochs
def test_a_pile_of_all_kinds_can_be_clustered(pile):
    images = pile[3].images[:, 8:40:2, 8:40:2]
    model = ContrastiveClustering(n_clusters=3, max_epochs=2, random_state=0)
    labels = model.fit_predict(images)
    assert labels.shape == (len(images),)


def test_files_are_sorted_by_the_names_on_their_paths(tmp_path):
    for name in ("b/1.png", "a-b/1.png", "a/2.png", "a/10.png", "a/c/0.png", "B/1.png"):
        write(tmp_path / name, drawn())
    found = load_images(tmp_path)
    names = [str(Path(name).relative_to(tmp_path)) for name in found.filenames]
    assert names == ["B/1.png", "a/10.png", "a/2.png", "a/c/0.png", "a-b/1.png", "b/1.png"]


@pytest.mark.parametrize("names", [("1.png", "a/1.png", "b/1.png"), ("a/1.png", "a/b/1.png")])
def test_there_are_no_classes_unless_all_files_lie_in_several_folders(tmp_path, names):
    for name in names:
        write(tmp_path / name, drawn())
    found = load_images(tmp_path)
    assert found.target is None
    assert found.target_names is None


def test_a_file_beside_the_folders_that_is_no_image_does_not_hide_the_classes(tmp_path):
    for name in ("a/1.png", "b/1.png"):
        write(tmp_path / name, drawn())
    (tmp_path / "notes.txt").write_text("notes")
    with pytest.warns(UserWarning, match=r"1 of 3 files .*notes\.txt"):
        found = load_images(tmp_path)
    assert found.target.tolist() == [0, 1]


def test_a_sequence_keeps_its_order_and_takes_any_kind_of_path(tmp_path):
    values = [drawn(seed=seed) for seed in range(3)]
    paths = [write(tmp_path / f"{number}.png", value) for number, value in enumerate(values)]
    source = [paths[2], str(paths[0]), os.fsencode(paths[1]), paths[2]]
    found = load_images(source, image_size=SIZE)
    np.testing.assert_array_equal(found.images, [values[2], values[0], values[1], values[2]])
    assert found.filenames == [str(paths[number]) for number in (2, 0, 1, 2)]
    assert found.target is None


def test_a_folder_and_a_missing_file_in_a_sequence_are_skipped(tmp_path):
    path = write(tmp_path / "0.png", drawn())
    with pytest.warns(UserWarning, match="2 of 3 files"):
        found = load_images([path, tmp_path, tmp_path / "missing.png"])
    assert [reason for _, reason in found.skipped] == ["a folder", "No such file or directory"]


def test_grey_files_of_8_bits_give_grey_bytes(tmp_path):
    for number in range(3):
        write(tmp_path / f"{number}.png", grey(drawn(seed=number)))
    found = load_images(tmp_path, image_size=SIZE)
    assert found.images.dtype == np.uint8
    np.testing.assert_array_equal(found.images, [grey(drawn(seed=n)) for n in range(3)])


def test_one_file_in_colour_makes_all_of_them_so(tmp_path):
    write(tmp_path / "0.png", grey(drawn()))
    write(tmp_path / "1.png", drawn())
    found = load_images(tmp_path, image_size=SIZE)
    np.testing.assert_array_equal(found.images[0], np.repeat(grey(drawn())[..., None], 3, axis=2))
    np.testing.assert_array_equal(found.images[1], drawn())


def test_color_makes_all_files_grey_or_all_coloured(tmp_path):
    write(tmp_path / "0.png", grey(drawn()))
    assert load_images(tmp_path, color="rgb").images.shape == (1, 64, 64, 3)
    write(tmp_path / "1.png", drawn())
    Image.fromarray(drawn()).save(tmp_path / "2.jpg", quality=98, subsampling=0)
    images = load_images(tmp_path, image_size=SIZE, color="gray").images.astype(int)
    np.testing.assert_allclose(images[1], images[0], atol=1)
    np.testing.assert_allclose(images[2], images[0], atol=12)


def test_a_file_of_16_bits_turns_all_values_into_shares(tmp_path):
    write(tmp_path / "0.png", grey(drawn()))
    write(tmp_path / "1.png", deep(grey(drawn())))
    found = load_images(tmp_path, image_size=SIZE)
    assert found.images.dtype == np.float32
    np.testing.assert_allclose(found.images[0], grey(drawn()) / 255, atol=1e-7)
    np.testing.assert_allclose(found.images[1], deep(grey(drawn())) / 65535, atol=1e-7)


def test_dtype_decides_for_files_of_any_depth(tmp_path):
    write(tmp_path / "0.png", grey(drawn()))
    floats = load_images(tmp_path, image_size=SIZE, dtype="float32").images
    assert floats.dtype == np.float32
    np.testing.assert_allclose(floats[0], grey(drawn()) / 255, atol=1e-7)
    write(tmp_path / "1.png", deep(grey(drawn())))
    tifffile.imwrite(tmp_path / "2.tif", grey(drawn()).astype(np.float32))
    with pytest.warns(UserWarning, match="1 of 3 files"):
        found = load_images(tmp_path, image_size=SIZE, dtype="uint8")
    np.testing.assert_array_equal(found.images[0], grey(drawn()))
    np.testing.assert_allclose(found.images[1], np.round(deep(grey(drawn())) / 257), atol=1)
    assert "dtype cannot be 'uint8'" in found.skipped[0][1]


def test_floats_of_another_range_stay_and_are_warned_of_among_integers(tmp_path, recwarn):
    values = drawn()[..., 0].astype(np.float32) * 100 + 50
    tifffile.imwrite(tmp_path / "0.tif", values)
    np.testing.assert_array_equal(load_images(tmp_path, image_size=SIZE).images, [values])
    tifffile.imwrite(tmp_path / "1.tif", values / values.max())  # no warning: all are floats
    assert len(load_images(tmp_path).images) == 2
    assert not recwarn.list
    write(tmp_path / "2.png", grey(drawn()))
    for _ in range(2):  # read, and from the cache
        with pytest.warns(UserWarning, match="not comparable"):
            load_images(tmp_path, image_size=SIZE)


def test_many_channels_are_kept_where_most_files_have_them(tmp_path):
    values = np.random.default_rng(0).integers(0, 65536, (5, *SIZE), dtype=np.uint16)
    for number in range(3):
        tifffile.imwrite(tmp_path / f"{number}.tif", values, imagej=True, metadata={"axes": "CYX"})
    write(tmp_path / "3.png", drawn())
    with pytest.warns(UserWarning, match="it has 3 channels; most files have 5"):
        found = load_images(tmp_path, image_size=SIZE)
    assert found.images.shape == (3, *SIZE, 5)
    np.testing.assert_allclose(found.images[0], np.moveaxis(values, 0, -1) / 65535, atol=1e-7)
    with pytest.warns(UserWarning, match="it has 5 channels, so color must be 'auto'"):
        assert load_images(tmp_path, color="gray").filenames == [str(tmp_path / "3.png")]


def test_four_channels_that_are_not_colour_and_opacity_are_kept(tmp_path):
    values = np.random.default_rng(0).integers(0, 256, (4, *SIZE), dtype=np.uint8)
    tifffile.imwrite(tmp_path / "0.tif", values, metadata={"axes": "CYX"}, photometric="minisblack")
    found = load_images(tmp_path, image_size=SIZE)
    np.testing.assert_array_equal(found.images[0], np.moveaxis(values, 0, -1))


def test_a_file_of_a_set_of_ome_files_is_read_for_itself(tmp_path):
    """Each file of such a set describes all of them."""
    for number in range(2):
        tifffile.imwrite(
            tmp_path / f"{number}.ome.tif",
            np.full((2, *SIZE), 10 + number, np.uint8),
            metadata={"axes": "TYX"},
        )
    found = load_images(tmp_path, image_size=SIZE)
    assert found.images[:, 0, 0].tolist() == [10, 11]


@pytest.mark.parametrize(("height", "width"), [(40, 80), (80, 40), (7, 31)])
def test_pad_scales_to_fit_and_repeats_the_outermost_pixels(tmp_path, height, width):
    values = drawn(size=(height, width))
    write(tmp_path / "0.png", values)
    image = load_images(tmp_path, image_size=20, resize="pad").images[0]
    scale = 20 / max(height, width)
    inner = round(height * scale), round(width * scale)
    top, left = ((20 - side) // 2 for side in inner)
    content = image[top : top + inner[0], left : left + inner[1]]
    expected = Image.fromarray(values).resize(inner[::-1], Image.Resampling.BILINEAR)
    np.testing.assert_allclose(content.astype(int), np.asarray(expected).astype(int), atol=3)
    margins = ((top, 20 - top - inner[0]), (left, 20 - left - inner[1]), (0, 0))
    np.testing.assert_array_equal(image, np.pad(content, margins, mode="edge"))


def test_crop_takes_the_middle_and_squash_takes_all(tmp_path):
    values = np.zeros((40, 80, 3), np.uint8)
    values[:, 20:60] = 200
    write(tmp_path / "0.png", values)
    crop, squash, pad = (
        load_images(tmp_path, image_size=20, resize=resize).images[0, :, :, 0]
        for resize in ("crop", "squash", "pad")
    )
    assert (crop[:, 1:-1] == 200).all()
    assert (squash[:, 6:14] == 200).all() and (squash[:, [0, -1]] == 0).all()
    assert (pad[:, 6:14] == 200).all() and (pad[:, [0, -1]] == 0).all()


@pytest.mark.parametrize("resize", ["pad", "crop", "squash"])
@pytest.mark.parametrize("turn", [1, 3, 5, 6, 8])
def test_turned_pictures_are_as_if_they_had_been_stored_upright(tmp_path, resize, turn):
    exif = Image.Exif()
    exif[274] = turn
    stored = Image.fromarray(drawn(size=(90, 150)))
    stored.save(tmp_path / "0.png", exif=exif)
    with Image.open(tmp_path / "0.png") as image:
        ImageOps.exif_transpose(image).save(tmp_path / "1.png")
    images = load_images(tmp_path, image_size=(30, 24), resize=resize).images.astype(int)
    assert images.shape == (2, 30, 24, 3)
    np.testing.assert_allclose(images[0], images[1], atol=2)


@pytest.mark.parametrize("resize", ["pad", "crop", "squash"])
def test_jpeg_files_decoded_at_a_reduced_scale_look_like_whole_ones(tmp_path, resize):
    values = drawn(size=(700, 1100))
    Image.fromarray(values).save(tmp_path / "0.jpg", quality=95, subsampling=0)
    Image.fromarray(values).save(tmp_path / "1.png")
    reduced, whole = load_images(tmp_path, image_size=64, resize=resize).images.astype(int)
    assert abs(reduced - whole).mean() < 1
    assert abs(reduced - whole).max() < 16


def test_deep_files_are_resized_like_those_of_8_bits(tmp_path):
    values = grey(drawn(size=(300, 200)))
    write(tmp_path / "0.png", values)
    write(tmp_path / "1.png", values.astype(np.uint16) * 257)
    tifffile.imwrite(tmp_path / "2.tif", values.astype(np.float64) / 255)
    images = load_images(tmp_path, image_size=32).images
    np.testing.assert_allclose(images[1], images[0], atol=1.1 / 255)
    np.testing.assert_allclose(images[2], images[1], atol=1e-6)


@pytest.mark.filterwarnings("ignore:.*files could not be read")
def test_pillows_limit_of_pixels_holds_for_all_formats_and_can_be_lifted(tmp_path, monkeypatch):
    write(tmp_path / "0.png", drawn(size=(10, 10)))
    write(tmp_path / "1.png", drawn())
    write(tmp_path / "2.jpg", drawn())
    tifffile.imwrite(tmp_path / "3.tif", drawn(), photometric="rgb")
    with monkeypatch.context() as patch:
        patch.setattr(Image, "MAX_IMAGE_PIXELS", 200)
        found = load_images(tmp_path)
        assert len(found.images) == 1
        assert all("exceed" in reason for _, reason in found.skipped)
    assert len(load_images(tmp_path).images) == 4


def test_small_pictures_are_enlarged(tmp_path):
    write(tmp_path / "0.png", np.full((1, 1, 3), 77, np.uint8))
    write(tmp_path / "1.png", np.full((1, 900, 3), 77, np.uint8))
    images = load_images(tmp_path, image_size=(5, 6)).images
    assert images.shape == (2, 5, 6, 3)
    assert (images == 77).all()


def test_the_images_are_a_read_only_memory_map(tmp_path):
    write(tmp_path / "0.png", drawn())
    images = load_images(tmp_path).images
    assert isinstance(images, np.memmap)
    with pytest.raises(ValueError, match="read-only"):
        images[0] = 0


def test_raise_names_the_file_read_or_from_the_cache(tmp_path):
    write(tmp_path / "0.png", drawn())
    write(tmp_path / ".hidden.png", drawn())
    assert len(load_images(tmp_path, on_error="raise").images) == 1
    (tmp_path / "bad.png").write_bytes(b"bad")
    for _ in range(2):
        with pytest.raises(ValueError, match=r"bad\.png' cannot be read: not an image"):
            load_images(tmp_path, on_error="raise")
        with pytest.warns(UserWarning, match="could not be read"):
            load_images(tmp_path)


def test_a_few_losses_among_many_files_are_not_warned_of(tmp_path, recwarn):
    path = write(tmp_path / "0.png", drawn())
    (tmp_path / "bad.png").write_bytes(b"bad")
    found = load_images([path] * 150 + [tmp_path / "bad.png"], image_size=4)
    assert len(found.skipped) == 1
    assert not recwarn.list


def test_where_nothing_can_be_read_the_first_reasons_are_told(tmp_path):
    for number in range(9):
        (tmp_path / f"{number}.jpg").write_bytes(b"bad")
    (tmp_path / "0.jpg").write_bytes(b"")
    with pytest.raises(ValueError, match="of 9 files none could be read") as caught:
        load_images(tmp_path)
    lines = str(caught.value).splitlines()
    assert len(lines) == 6
    assert lines[1].endswith("0.jpg': an empty file")


def test_folders_without_files_and_missing_ones_are_refused(tmp_path):
    (tmp_path / "empty" / "within").mkdir(parents=True)
    with pytest.raises(ValueError, match="source must hold files; there are none"):
        load_images(tmp_path / "empty")
    with pytest.raises(ValueError, match="source must hold files; there are none"):
        load_images([])
    with pytest.raises(FileNotFoundError, match="must be a folder that exists"):
        load_images(tmp_path / "nowhere")
    path = write(tmp_path / "0.png", drawn())
    with pytest.raises(ValueError, match=r"0\.png' is a file: pass \[source\]"):
        load_images(path)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"source": 3}, TypeError, "source must be a folder or a sequence of paths; got a int"),
        ({"source": [3]}, TypeError, "source must hold paths; it holds a int: 3"),
        ({"image_size": 0}, ValueError, "image_size must be at least 1; got 0"),
        ({"image_size": (8, -1)}, ValueError, "image_size must be at least 1"),
        ({"image_size": 8.0}, TypeError, "image_size must be an integer or two.*got 8.0"),
        ({"image_size": True}, TypeError, "image_size must be an integer or two"),
        ({"image_size": (8, 8, 3)}, TypeError, "image_size must be an integer or two"),
        ({"resize": "fit"}, ValueError, "resize must be one of 'pad', 'crop', 'squash'; got 'fit'"),
        ({"color": "RGB"}, ValueError, "color must be one of 'auto', 'gray', 'rgb'; got 'RGB'"),
        ({"dtype": np.uint8}, ValueError, "dtype must be one of 'auto', 'uint8', 'float32'"),
        ({"on_error": "ignore"}, ValueError, "on_error must be one of 'skip', 'raise'"),
        ({"n_jobs": 0}, ValueError, "n_jobs must not be 0"),
        ({"n_jobs": 1.5}, TypeError, "n_jobs must be None or an integer; got 1.5"),
        ({"cache_dir": 3}, TypeError, "cache_dir must be None or a path; got 3"),
    ],
)
def test_bad_parameters_are_named(tmp_path, options, error, message):
    write(tmp_path / "0.png", drawn())
    with pytest.raises(error, match=message):
        load_images(**{"source": tmp_path, **options})


@pytest.mark.parametrize("n_jobs", [1, 3, -1, -100])
def test_the_number_of_threads_does_not_matter(tmp_path, n_jobs):
    for number in range(20):
        write(tmp_path / f"{number:02}.png", np.full((2, 2), number, np.uint8))
    found = load_images(tmp_path, image_size=2, n_jobs=n_jobs, cache_dir=tmp_path.parent / "c")
    assert found.images[:, 0, 0].tolist() == list(range(20))


def test_few_images_are_in_memory_at_a_time(tmp_path):
    path = write(tmp_path / "0.png", drawn())
    load_images([path], n_jobs=2)
    tracemalloc.start()
    images = load_images([path] * 1000, n_jobs=2).images
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert images.nbytes > 12e6
    assert peak < 3e6


def test_progress_is_shown_if_asked_for_and_else_nothing(tmp_path, capfd):
    write(tmp_path / "0.png", drawn())
    (tmp_path / "head.tif").write_bytes(b"II*\0\x08\0\0\0")  # tifffile logs what is amiss
    with pytest.warns(UserWarning, match="it holds no image"):
        load_images(tmp_path)
    assert capfd.readouterr() == ("", "")
    with pytest.warns(UserWarning, match="it holds no image"):
        load_images(tmp_path, image_size=8, verbose=1)
    out, err = capfd.readouterr()
    assert out == ""
    assert "Reading images: 100%" in err and "2/2" in err


def test_without_pillow_the_extra_is_named(tmp_path, monkeypatch):
    write(tmp_path / "0.png", drawn())
    monkeypatch.setitem(sys.modules, "PIL", None)
    with pytest.raises(ImportError, match=r"skdeepcluster\[images\]"):
        load_images(tmp_path)


def test_without_tifffile_tiff_files_are_skipped_and_the_extra_is_named(tmp_path, monkeypatch):
    write(tmp_path / "0.png", drawn())
    write(tmp_path / "1.tif", drawn())
    monkeypatch.setitem(sys.modules, "tifffile", None)
    with pytest.warns(UserWarning, match=r"TIFF files need tifffile: .*skdeepcluster\[images\]"):
        found = load_images(tmp_path)
    assert found.filenames == [str(tmp_path / "0.png")]


def test_without_imagecodecs_pillow_helps_where_it_sees_the_same_numbers(tmp_path, monkeypatch):
    values = deep(grey(drawn()))
    tifffile.imwrite(tmp_path / "0.tif", values, compression="lzw")
    tifffile.imwrite(tmp_path / "1.tif", values.astype(np.uint32), compression="lzw")
    tifffile.imwrite(tmp_path / "2.tif", drawn(), compression="lzw", photometric="rgb")

    class Lacking:
        def __getattr__(self, name):
            raise AttributeError(name)

    monkeypatch.setattr(tifffile.tifffile, "imagecodecs", Lacking())
    monkeypatch.setattr(tifffile.TIFF.DECOMPRESSORS, "_codecs", {})
    with pytest.warns(UserWarning, match="LZW compression, 32 bits.* needs imagecodecs"):
        found = load_images(tmp_path, image_size=SIZE)
    assert [Path(name).name for name in found.filenames] == ["0.tif", "2.tif"]
    np.testing.assert_allclose(found.images[0, :, :, 0], values / 65535, atol=1e-7)
    np.testing.assert_allclose(found.images[1], drawn() / 255, atol=1e-7)


def test_wide_integers_with_a_sign_keep_their_contrast(tmp_path):
    values = np.random.default_rng(0).integers(0, 256, SIZE)
    for dtype, least in (("int32", 0), ("int64", 0), ("uint32", 0), ("int32", -100)):
        tifffile.imwrite(tmp_path / "0.tif", (values + least).astype(dtype))
        found = load_images(tmp_path, image_size=SIZE).images[0]
        expected = (values + least).clip(0) / np.iinfo(dtype).max
        np.testing.assert_allclose(found, expected, rtol=1e-6)


def test_grey_with_opacity_and_16_bits_stays_grey(tmp_path):
    rows = np.zeros((*SIZE, 2), ">u2")
    rows[..., 0], rows[..., 1] = deep(grey(drawn())), 65535

    def chunk(name, content):
        body = name + content
        return struct.pack(">I", len(content)) + body + struct.pack(">I", zlib.crc32(body))

    head = struct.pack(">IIBBBBB", SIZE[1], SIZE[0], 16, 4, 0, 0, 0)
    lines = b"".join(b"\0" + row.tobytes() for row in rows)
    png = [chunk(b"IHDR", head), chunk(b"IDAT", zlib.compress(lines)), chunk(b"IEND", b"")]
    (tmp_path / "0.png").write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(png))
    found = load_images(tmp_path, image_size=SIZE).images
    assert found.shape == (1, *SIZE)
    np.testing.assert_allclose(found[0], grey(drawn()), atol=1)


def test_files_are_opened_for_reading_only(tmp_path, monkeypatch):
    save(tmp_path / "0.png", drawn())
    tifffile.imwrite(tmp_path / "1.tif", drawn(), photometric="rgb")
    opened = []

    def spy(path, mode="r", *rest, **more):
        opened.append((str(path), mode))
        return original(path, mode, *rest, **more)

    original = builtins.open
    monkeypatch.setattr(builtins, "open", spy)
    load_images(tmp_path)
    assert {mode for path, mode in opened if path.startswith(str(tmp_path))} == {"rb"}


def test_a_folder_that_cannot_be_listed_is_no_file(tmp_path, monkeypatch):
    for name in ("open", "shut"):
        (tmp_path / name).mkdir()
        Image.fromarray(np.zeros((8, 8), np.uint8)).save(tmp_path / name / "a.png")
    listdir = os.listdir

    def unless_shut(path):
        if os.path.basename(path) == "shut":
            raise PermissionError(13, "Permission denied")
        return listdir(path)

    monkeypatch.setattr(os, "listdir", unless_shut)
    with pytest.warns(UserWarning, match="1 of 2 files could not be read"):
        found = load_images(tmp_path, image_size=8, cache_dir=tmp_path.parent / "c")
    reason = "a folder that cannot be listed: Permission denied"
    assert found.skipped == [(str(tmp_path / "shut"), reason)]
