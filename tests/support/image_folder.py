"""
A folder of image files of all kinds, some of them broken: discs, stripes and crosses.

As a script it makes a folder to try things on::

    python tests/support/image_folder.py FOLDER --n 3000

Each class has a sub-folder. Every kind is there at least once; the rest are common kinds.
"""

from __future__ import annotations

import argparse
import os
import struct
import sys
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import tifffile
from PIL import Image

Array = np.ndarray
CLASSES = ("crosses", "discs", "stripes")
COLOURS = {"crosses": (30, 90, 200), "discs": (210, 50, 40), "stripes": (40, 160, 60)}
COMMON = ("jpeg", "jpeg grey", "png", "png 16 bit", "tiff 16 bit", "jpeg turned 6", "jpeg turned 3")
# How a picture is stored so that EXIF's orientation of this number turns it upright again.
STORED = {
    2: lambda x: x[:, ::-1],
    3: lambda x: x[::-1, ::-1],
    4: lambda x: x[::-1],
    5: lambda x: np.swapaxes(x, 0, 1),
    6: lambda x: np.rot90(x),
    7: lambda x: np.swapaxes(x[::-1, ::-1], 0, 1),
    8: lambda x: np.rot90(x, -1),
}


def picture(label: str, random: np.random.Generator, size: tuple[int, int]) -> Array:
    """Draw a disc, stripes or a cross, of differing place, size and shade: (h, w, 3), uint8."""
    y, x = (np.linspace(-1, 1, side) for side in size)
    y, x = y[:, None] - random.uniform(-0.3, 0.3), x[None] - random.uniform(-0.3, 0.3)
    radius = random.uniform(0.3, 0.6)
    if label == "discs":
        inside = y**2 + x**2 < radius**2
    elif label == "stripes":
        inside = np.sin((y * random.uniform(0.8, 1.2) + x) * random.uniform(8, 12)) > 0
    else:
        arm = radius / 3
        inside = (abs(y) < arm) | (abs(x) < arm)
    shade = random.uniform(0.8, 1.2)
    colour = np.array(COLOURS[label]) * shade
    values = np.where(inside[..., None], colour, 225.0) + random.normal(0, 4, (*size, 1))
    return values.clip(0, 255).astype(np.uint8)


def grey(image: Array) -> Array:
    return np.asarray(Image.fromarray(image).convert("L"))


def deep(image: Array) -> Array:
    """Give each value 16 bits of which no 8 hold all."""
    return (image.astype(np.uint16) * 255) + 77


def shares(values: Array) -> Array:
    return values / np.iinfo(values.dtype).max


def opaque_half(image: Array) -> Array:
    """Make the alpha of a picture of which the left half is transparent, the rest is not."""
    alpha = np.full(image.shape[:2], 255, np.uint8)
    alpha[:, : image.shape[1] // 2] = 0
    return alpha


def white_half(image: Array) -> Array:
    return np.where(opaque_half(image)[..., None] > 0, image, 255)


def palette_of(image: Array) -> Image.Image:
    return Image.fromarray(image).quantize(16)


def two_tone(image: Array) -> Array:
    return np.where(grey(image) > 128, 255, 0).astype(np.uint8)


def png_chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def png_bytes(width: int, height: int, bits: int, colour_type: int, rows: bytes) -> bytes:
    head = struct.pack(">IIBBBBB", width, height, bits, colour_type, 0, 0, 0)
    chunks = [(b"IHDR", head), (b"IDAT", zlib.compress(rows)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(png_chunk(*chunk) for chunk in chunks)


@dataclass(frozen=True)
class Kind:
    """
    A kind of file.

    `write` gets a path and a picture. `seen` maps the picture to what is to be read: uint8, or
    shares of the range as floats; None if the file is skipped, for a reason in which `reason`
    stands. `tolerance` is that of a value, in shares.
    """

    name: str
    file: str
    write: Callable[[Path, Array], Any]
    seen: Callable[[Array], Array] | None = lambda image: image
    reason: str = ""
    tolerance: float = 1e-6


@dataclass(frozen=True)
class Made:
    """A file that was made: its path, kind and class, and its picture."""

    path: str
    kind: Kind
    label: str
    picture: Array

    def expected(self) -> Array | None:
        """Return the upright picture in shares, (h, w) or (h, w, 3); None if it is skipped."""
        if self.kind.name == "no permission" and os.access(self.path, os.R_OK):
            return self.picture / 255  # root may read all
        if self.kind.seen is None:
            return None
        values = np.asarray(self.kind.seen(self.picture))
        return values / 255 if values.dtype == np.uint8 else values


def save(path: Path, image: Array, mode: str = "RGB", **options: Any) -> None:
    Image.fromarray(image).convert(mode).save(path, **options)


def save_turned(path: Path, image: Array, turn: int, **options: Any) -> None:
    exif = Image.Exif()
    exif[274] = turn
    stored = np.ascontiguousarray(STORED[turn](image))
    Image.fromarray(stored).save(path, exif=exif, **options)


def save_with_alpha(path: Path, image: Array, mode: str = "RGBA", **options: Any) -> None:
    with_alpha = Image.fromarray(np.dstack([image, opaque_half(image)]))
    with_alpha.convert(mode).save(path, **options)


def save_transparent_palette(path: Path, image: Array) -> None:
    indexed = palette_of(image)
    indexed.save(path, transparency=indexed.getpixel((0, 0)))


def seen_transparent_palette(image: Array) -> Array:
    indexed = palette_of(image)
    index = np.asarray(indexed)
    return np.where((index == index[0, 0])[..., None], 255, np.asarray(indexed.convert("RGB")))


def save_transparent_colour(path: Path, image: Array) -> None:
    Image.fromarray(image).save(path, transparency=tuple(image[0, 0].tolist()))


def seen_transparent_colour(image: Array) -> Array:
    return np.where((image == image[0, 0]).all(axis=-1, keepdims=True), 255, image)


def save_frames(path: Path, image: Array, **options: Any) -> None:
    frames = [Image.fromarray(values) for values in (image, 255 - image, image // 2)]
    frames[0].save(path, save_all=True, append_images=frames[1:], **options)


def save_gif_frames(path: Path, image: Array) -> None:
    frames = [palette_of(values) for values in (image, 255 - image)]
    frames[0].save(path, save_all=True, append_images=frames[1:])


def save_deep_png(path: Path, image: Array) -> None:
    height, width = image.shape[:2]
    rows = b"".join(b"\0" + row.tobytes() for row in deep(image).astype(">u2"))
    path.write_bytes(png_bytes(width, height, 16, 2, rows))


def save_pgm(path: Path, image: Array) -> None:
    values = deep(grey(image))
    head = f"P5 {values.shape[1]} {values.shape[0]} 65535\n".encode()
    path.write_bytes(head + values.astype(">u2").tobytes())


def write_tiff(path: Path, image: Array, make: Callable[[Array], Array], **options: Any) -> None:
    tifffile.imwrite(path, make(image), **options)


def stack(image: Array, shape: tuple[int, ...]) -> Array:
    """Put a grey picture of 16 bits first, and others of half its brightness after it."""
    found = np.tile(deep(grey(image)) // 2, (*shape, 1, 1))
    found[(0,) * len(shape)] *= 2
    return found


def first_of_stack(image: Array) -> Array:
    return shares(deep(grey(image)) // 2 * 2)


def save_channel_stack(path: Path, image: Array, **options: Any) -> None:
    """Write times, depths and three channels; the first of each is the picture."""
    values = np.zeros((2, 3, 3, *image.shape[:2]), np.uint16)
    values[0, 0] = np.moveaxis(deep(image), -1, 0)
    tifffile.imwrite(path, values, metadata={"axes": "TZCYX"}, **options)


def save_huge_stack(path: Path, image: Array) -> None:
    """Write several planes behind one head, as ImageJ does beyond 4 GB."""
    tifffile.imwrite(
        path, stack(image, (2, 5)), truncate=True, photometric="minisblack",
        metadata={"axes": "TZYX"},
    )  # fmt: skip


def save_tiff_alpha(path: Path, image: Array) -> None:
    values = np.dstack([deep(image), opaque_half(image).astype(np.uint16) * 257])
    tifffile.imwrite(path, values, photometric="rgb", extrasamples=["unassalpha"])


def seen_tiff_alpha(image: Array) -> Array:
    return np.where(opaque_half(image)[..., None] > 0, shares(deep(image)), 1)


def save_tiff_palette(path: Path, image: Array) -> None:
    indexed = palette_of(image)
    colours = np.zeros((3, 256), np.uint16)
    colours[:, :16] = np.reshape(indexed.getpalette("RGB")[:48], (16, 3)).T * 257
    tifffile.imwrite(path, np.asarray(indexed), photometric="palette", colormap=colours)


def many_channels(image: Array, n: int) -> Array:
    return np.stack([grey(image) // (k + 1) for k in range(n)])


def cut(path: Path, image: Array, writer: Callable[[Path, Array], Any], share: float) -> None:
    writer(path, image)
    whole = path.read_bytes()
    path.write_bytes(whole[: int(share * len(whole))])


def link(path: Path, image: Array, to: str) -> None:
    target = path.with_name(f".of-{path.name}") if to == "file" else Path(to)
    if to == "file":
        save(target, image, format="PNG")
    path.symlink_to(target.name if to == "file" else to)


def write_inside(path: Path, image: Array) -> None:
    path.parent.mkdir()
    save(path, image)


def write_unreadable(path: Path, image: Array) -> None:
    save(path, image)
    path.chmod(0)


def write_bytes(path: Path, image: Array, content: bytes) -> None:
    path.write_bytes(content)


def grey_shares(image: Array) -> Array:
    return shares(deep(grey(image)))


def colour_shares(image: Array) -> Array:
    return shares(deep(image))


def _tiff(name: str, make: Callable[[Array], Array], seen: Any, **options: Any) -> Kind:
    file = f"{name.replace(' ', '-')}-{{}}.tif"
    return Kind(name, file, partial(write_tiff, make=make, **options), seen)


LOSSY = {"tolerance": 0.12}
READ = [
    Kind("jpeg", "j-{}.jpg", partial(save, quality=95, subsampling=0), **LOSSY),
    Kind("jpeg grey", "g-{}.JPEG", partial(save, mode="L", quality=95), grey, **LOSSY),
    Kind("jpeg cmyk", "c-{}.jpg", partial(save, mode="CMYK", quality=98), **LOSSY),
    Kind("jpeg progressive", "p-{}.jpg", partial(save, progressive=True, quality=95, subsampling=0),
         **LOSSY),
    *[
        Kind(f"jpeg turned {turn}", f"t{turn}-{{}}.jpg",
             partial(save_turned, turn=turn, quality=95, subsampling=0), **LOSSY)
        for turn in STORED
    ],
    Kind("jpeg of several", "mpo-{}.mpo", partial(save_frames, quality=95, subsampling=0), **LOSSY),
    Kind("jpeg 2000", "j2-{}.jp2", save),
    Kind("png", "p-{}.png", save),
    Kind("png grey", "g-{}.png", partial(save, mode="L"), grey),
    Kind("png 16 bit", "d-{}.png",
         lambda path, image: Image.fromarray(deep(grey(image))).save(path), grey_shares),
    Kind("png 16 bit colour", "dc-{}.png", save_deep_png, colour_shares, tolerance=1 / 255),
    Kind("png rgba", "a-{}.png", save_with_alpha, white_half),
    Kind("png la", "la-{}.png", partial(save_with_alpha, mode="LA"),
         lambda image: grey(white_half(image))),
    Kind("png palette", "i-{}.png", lambda path, image: palette_of(image).save(path),
         lambda image: np.asarray(palette_of(image).convert("RGB"))),
    Kind("png grey palette", "gi-{}.png",
         lambda path, image: Image.fromarray(grey(image)).convert("P").save(path), grey),
    Kind("png transparent palette", "it-{}.png", save_transparent_palette,
         seen_transparent_palette),
    Kind("png transparent colour", "ct-{}.png", save_transparent_colour, seen_transparent_colour),
    Kind("png 1 bit", "b-{}.png",
         lambda path, image: Image.fromarray(two_tone(image)).convert("1").save(path), two_tone),
    Kind("png turned", "t-{}.png", partial(save_turned, turn=6)),
    Kind("png animated", "m-{}.png", save_frames),
    Kind("gif", "i-{}.gif", lambda path, image: palette_of(image).save(path),
         lambda image: np.asarray(palette_of(image).convert("RGB"))),
    Kind("gif animated", "m-{}.gif", save_gif_frames,
         lambda image: np.asarray(palette_of(image).convert("RGB"))),
    Kind("webp", "w-{}.webp", partial(save, lossless=True)),
    Kind("webp animated", "m-{}.webp", partial(save_frames, lossless=True)),
    Kind("webp rgba", "a-{}.webp", partial(save_with_alpha, lossless=True), white_half),
    Kind("bmp", "b-{}.bmp", save),
    Kind("ppm", "p-{}.ppm", save),
    Kind("pgm 16 bit", "g-{}.pgm", save_pgm, grey_shares),
    _tiff("tiff", lambda x: x, lambda x: x, photometric="rgb"),
    _tiff("tiff grey", grey, grey),
    _tiff("tiff 16 bit", lambda x: deep(grey(x)), grey_shares),
    _tiff("tiff 16 bit colour", deep, colour_shares, photometric="rgb"),
    _tiff("tiff 16 bit big endian", lambda x: deep(grey(x)), grey_shares, byteorder=">"),
    _tiff("tiff beyond 4 GB", lambda x: deep(grey(x)), grey_shares, bigtiff=True),
    _tiff("tiff planar", lambda x: np.moveaxis(deep(x), -1, 0), colour_shares, photometric="rgb",
          planarconfig="separate"),
    _tiff("tiff deflate", lambda x: deep(grey(x)), grey_shares, compression="zlib"),
    _tiff("tiff lzw", lambda x: deep(grey(x)), grey_shares, compression="lzw", predictor=True),
    _tiff("tiff tiled", lambda x: deep(grey(x)), grey_shares, tile=(16, 16)),
    _tiff("tiff signed 16 bit",
          lambda x: (deep(grey(x)).astype(np.int32) - 2**15).astype(np.int16), grey_shares),
    _tiff("tiff signed 8 bit", lambda x: (grey(x).astype(int) - 128).astype(np.int8), grey),
    _tiff("tiff 32 bit", lambda x: deep(grey(x)).astype(np.uint32) * 65537, grey_shares),
    _tiff("tiff 12 bit", lambda x: grey(x).astype(np.uint16) * 16,
          lambda x: grey(x).astype(float) * 16 / 4095, bitspersample=12),
    _tiff("tiff float", lambda x: (grey(x) / 255).astype(np.float32), lambda x: grey(x) / 255),
    _tiff("tiff double", lambda x: grey(x) / 255, lambda x: grey(x) / 255),
    _tiff("tiff bilevel", lambda x: two_tone(x) > 0, two_tone, photometric="minisblack"),
    _tiff("tiff white is zero", lambda x: 65535 - deep(grey(x)), grey_shares,
          photometric="miniswhite"),
    _tiff("tiff of pages", lambda x: stack(x, (3,)), first_of_stack, metadata=None,
          photometric="minisblack"),
    _tiff("tiff imagej stack", lambda x: stack(x, (2, 3)), first_of_stack, imagej=True,
          metadata={"axes": "TZYX"}),
    Kind("tiff imagej channels", "ijc-{}.tif", partial(save_channel_stack, imagej=True),
         colour_shares),
    Kind("tiff ome channels", "o-{}.ome.tif", partial(save_channel_stack, ome=True),
         colour_shares),
    Kind("tiff huge stack", "hs-{}.tif", save_huge_stack, first_of_stack),
    Kind("tiff rgba", "ra-{}.tif", save_tiff_alpha, seen_tiff_alpha),
    Kind("tiff palette", "tp-{}.tif", save_tiff_palette,
         lambda image: np.asarray(palette_of(image).convert("RGB"))),
    Kind("tiff cmyk", "tc-{}.tif", partial(save, mode="CMYK")),
    Kind("tiff jpeg", "tj-{}.tif", partial(save, compression="jpeg", quality=95), **LOSSY),
    Kind("tiff turned", "tt-{}.tif", partial(save_turned, turn=8)),
    Kind("jpeg named png", "really-jpeg-{}.png", partial(save, format="JPEG", quality=95,
                                                         subsampling=0), **LOSSY),
    Kind("tiff named jpg", "really-tiff-{}.jpg", partial(save, format="TIFF")),
    Kind("no extension", "plain-{}", partial(save, format="PNG")),
    Kind("image named txt", "image-{}.txt", partial(save, format="PNG")),
    Kind("name with a newline", "new\nline-{}.png", save),
    Kind("name with spaces and quotes", "it's \"a\" name, {}.png", save),
    Kind("name in other letters", "снимок-細胞-{}.png", save),
    Kind("name not in UTF-8", os.fsdecode(b"\xe9t\xe9-{}.png"), save),
    Kind("in a folder named like an image", "folder-{}.png/inside.png", write_inside),
    Kind("link to a file", "link-{}.png", partial(link, to="file")),
]  # fmt: skip
SKIPPED = [
    Kind("no permission", "locked-{}.png", write_unreadable, None, "Permission denied"),
    Kind("jpeg truncated", "cut-{}.jpg", partial(cut, writer=save, share=0.6), None, "truncated"),
    Kind("png truncated", "cut-{}.png", partial(cut, writer=save, share=0.6), None,
         "truncated"),
    Kind("tiff truncated", "cut-{}.tif", partial(cut, writer=save, share=0.6), None,
         "truncated"),
    Kind("gif truncated", "cut-{}.gif", partial(cut, writer=lambda path, image: palette_of(
        image).save(path), share=0.6), None, "truncated"),
    Kind("jpeg of a few bytes", "few-{}.jpg", partial(write_bytes, content=b"\xff\xd8\xff\xe0\0"),
         None, "not an image"),
    Kind("empty", "empty-{}.png", partial(write_bytes, content=b""), None, "empty"),
    Kind("text named jpg", "text-{}.jpg", partial(write_bytes, content=b"Not a picture.\n"), None,
         "not an image"),
    Kind("text", "notes-{}.txt", partial(write_bytes, content=b"Slides of Monday.\n"), None,
         "not an image"),
    Kind("zeros", "zeros-{}.tif", partial(write_bytes, content=bytes(5000)), None, "not an image"),
    Kind("head of a tiff", "head-{}.tif", partial(write_bytes, content=b"II*\0\x08\0\0\0"), None,
         "no image"),
    Kind("Thumbs.db", "Thumbs-{}.db",
         partial(write_bytes, content=b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(500)), None,
         "not an image"),
    Kind("postscript", "figure-{}.eps", partial(save, format="EPS"), None, "not an image"),
    Kind("bomb", "bomb-{}.png",
         partial(write_bytes, content=png_bytes(30_000, 30_000, 8, 0, b"")), None,
         "exceeds limit"),
    Kind("large", "large-{}.png",
         partial(write_bytes, content=png_bytes(12_000, 12_000, 8, 0, b"")), None, "exceed"),
    Kind("no pixels", "nothing-{}.png", partial(write_bytes, content=png_bytes(0, 5, 8, 0, b"")),
         None, "not an image"),
    Kind("tiff with NaN", "nan-{}.tif",
         partial(write_tiff, make=lambda x: np.full(x.shape[:2], np.nan, np.float32)), None,
         "NaN"),
    Kind("tiff complex", "complex-{}.tif",
         partial(write_tiff, make=lambda x: grey(x).astype(np.complex64)), None, "complex64"),
    Kind("tiff of 2 channels", "two-{}.tif",
         partial(write_tiff, make=partial(many_channels, n=2), photometric="minisblack",
                 imagej=True, metadata={"axes": "CYX"}), None, "2 channels"),
    Kind("tiff of 5 channels", "five-{}.ome.tif",
         partial(write_tiff, make=partial(many_channels, n=5), photometric="minisblack",
                 metadata={"axes": "CYX"}), None, "5 channels"),
    Kind("hidden", ".hidden-{}.png", save, None, "hidden"),
    Kind("in a hidden folder", ".folder-{}/inside.png", write_inside, None, "hidden"),
    Kind("link to nothing", "nowhere-{}.png", partial(link, to="nothing.png"), None, "No such"),
    Kind("link to itself", "self-{}.png", lambda path, image: path.symlink_to(path.name), None,
         "symbolic links"),
    Kind("link to its folder", "loop-{}", partial(link, to="."), None, "it lies in"),
    Kind("pipe", "pipe-{}.png", lambda path, image: os.mkfifo(path), None, "regular"),
]  # fmt: skip
KINDS = {kind.name: kind for kind in (*READ, *SKIPPED)}


def make_folder(
    folder: Path,
    n: int = 3000,
    size: tuple[int, int] | None = None,
    kinds: Sequence[str] = tuple(KINDS),
    seed: int = 0,
) -> list[Made]:
    """
    Make `n` files: one of each kind, as far as `n` goes, and further ones of common kinds.

    Pictures are (height, width) as `size` says, or each has its own.
    """
    random = np.random.default_rng(seed)
    made = []
    for number in range(n):
        name = kinds[number] if number < len(kinds) else COMMON[number % len(COMMON)]
        kind, label = KINDS[name], CLASSES[number % len(CLASSES)]
        own = size or tuple(random.integers(60, 200, 2).tolist())
        drawn = picture(label, random, own)
        path = folder / label / kind.file.format(number)
        (folder / label).mkdir(parents=True, exist_ok=True)
        kind.write(path, drawn)
        made.append(Made(str(path), kind, label, drawn))
    return made


def main() -> None:
    parser = argparse.ArgumentParser(description="Make a folder of image files of all kinds.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--n", type=int, default=3000)
    options = parser.parse_args()
    made = make_folder(options.folder, options.n)
    n_read = sum(each.expected() is not None for each in made)
    sys.stdout.write(f"{len(made)} files of {len(KINDS)} kinds, {n_read} of them images\n")


if __name__ == "__main__":
    main()
