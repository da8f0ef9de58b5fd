"""One file: what is in it, or why it is skipped."""

from __future__ import annotations

import importlib.metadata
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from skdeepcluster._text import printable
from skdeepcluster.datasets.pictures import TURNS, Options, Picture, to_grey
from skdeepcluster.datasets.tiff import TIFF_MAGIC, NotForTifffile, read_tiff
from skdeepcluster.datasets.values import as_bands, check_size, scaled

if TYPE_CHECKING:
    from PIL.Image import Image

# No formats that start other programs (EPS), or that nearly any bytes pass for (TGA).
FORMATS = ("AVIF", "BMP", "GIF", "JPEG", "JPEG2000", "PNG", "PPM", "TIFF", "WEBP")
READERS = ("pillow", "tifffile", "imagecodecs")
ORIENTATION = 274
GREY_MODES = ("1", "L", "LA", "La")
PNG_COLOUR = 25  # place in the file of the byte that says which channels there are
GREY_AND_OPACITY = b"\x04"
DEEP_MODES = ("F", "I", "I;16", "I;16B", "I;16L", "I;16N")


@dataclass(frozen=True)
class Outcome:
    """
    What came of reading a file.

    Parameters
    ----------
    image : ndarray of shape (height, width) or (height, width, channels) or None, default=None
        The image, uint8 or float32.
    kind : {"", "bytes", "share", "unit", "float"}, default=""
        What its values are, as in `Picture`.
    reason : str or None, default=None
        Why there is none.
    may_pass : bool, default=False
        Whether it was the system that would not let the file be read, which may change.
    """

    image: NDArray[Any] | None = None
    kind: str = ""
    reason: str | None = None
    may_pass: bool = False


def states_of_readers() -> list[str]:
    """
    Describe what else than files and options decides whether and how files are read.

    Returns
    -------
    list of str
        Versions of the packages that read them, and Pillow's own settings.

    Raises
    ------
    ImportError
        If Pillow is not installed.
    """
    try:
        from PIL import Image, ImageFile
    except ImportError as error:
        raise ImportError('Pillow is needed: pip install "skdeepcluster[images]".') from error
    settings = [Image.MAX_IMAGE_PIXELS, ImageFile.LOAD_TRUNCATED_IMAGES]
    return [*map(_version, READERS), *map(str, settings)]


def _version(name: str) -> str:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return "none"


def read_image(path: str, options: Options) -> Outcome:
    """
    Read one file.

    Parameters
    ----------
    path : str
        The file.
    options : Options
        What was asked for.

    Returns
    -------
    Outcome
        The image, or the reason why there is none.
    """
    try:
        with open(path, "rb") as file:
            picture = _decode(file, options)
        return Outcome(_colored(picture.fitted(options), options), picture.kind)
    except Exception as error:  # decoders of broken files raise anything
        # Decoders of damaged files ask the system for what it does not have, too.
        may_pass = isinstance(error, OSError) and error.errno is not None and not is_readable(path)
        return Outcome(reason=_reason(error), may_pass=may_pass)


def is_readable(path: str) -> bool:
    """
    Tell whether the bytes of a file can be read, whatever they are.

    Parameters
    ----------
    path : str
        The file.

    Returns
    -------
    bool
        Whether they can.
    """
    try:
        with open(path, "rb") as file:
            while file.read(2**20):
                pass
    except OSError:
        return False
    return True


def _reason(error: Exception) -> str:
    from PIL.Image import DecompressionBombError, DecompressionBombWarning, UnidentifiedImageError

    if isinstance(error, UnidentifiedImageError):
        return "not an image of a known format, or its beginning is damaged"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    speaking = (
        OSError,
        ValueError,
        ImportError,
        DecompressionBombError,
        DecompressionBombWarning,  # where warnings are errors
    )
    if isinstance(error, speaking) and str(error):
        return printable(str(error))
    return printable(f"damaged ({type(error).__name__}: {error})")


def _decode(file: BinaryIO, options: Options) -> Picture:
    magic = file.read(4)
    file.seek(0)
    if magic not in TIFF_MAGIC:
        return _read_by_pillow(file, options)
    try:
        return read_tiff(file)
    except NotForTifffile as left:
        file.seek(0)
        try:
            return _read_by_pillow(file, options)
        except Exception as error:
            raise (ValueError(*left.args) if left.args else error) from error


def _read_by_pillow(file: BinaryIO, options: Options) -> Picture:
    from PIL import Image

    known = [name for name in FORMATS if name in Image.OPEN]
    with Image.open(file, formats=known) as picture:
        check_size((picture.height, picture.width))
        size = _reduce(picture, options) if picture.format in ("JPEG", "MPO") else None
        picture.load()
        turn = _turn(picture)  # after loading: some formats have turned the picture by then
        if picture.mode in DEEP_MODES:
            values, kind = scaled(_deep_values(picture))
            return Picture(as_bands(values), kind, turn)
        return Picture([_on_white(picture, _is_grey(picture, file))], "bytes", turn, size)


def _reduce(picture: Image, options: Options) -> tuple[float, float] | None:
    """Have a JPEG file decoded at a half to an eighth of its size, where that is enough."""
    least = options.plan(picture.size, _turn(picture)).least_size(picture.size)
    done = picture.draft("L" if options.color == "gray" else None, least)
    return None if done is None else done[1][2:]


def _turn(picture: Image) -> int:
    try:
        turn = picture.getexif().get(ORIENTATION, 1)
    except Exception:  # damaged metadata do not spoil the picture
        turn = 1
    return turn if turn in TURNS else 1


def _deep_values(picture: Image) -> NDArray[Any]:
    values = np.asarray(picture)
    is_short = picture.mode == "I" and picture.format in ("PNG", "PPM")
    return values.astype(np.uint16) if is_short else values


def _on_white(picture: Image, is_grey: bool) -> Image:
    """Bring a picture of 8 bits to grey or colour, what is transparent in it on white."""
    from PIL import Image

    if picture.has_transparency_data:
        white = Image.new("RGBA", picture.size, "white")
        picture = Image.alpha_composite(white, picture.convert("RGBA"))
    return picture.convert("L" if is_grey else "RGB")


def _is_grey(picture: Image, file: BinaryIO) -> bool:
    if picture.mode in GREY_MODES or _has_grey_palette(picture):
        return True
    if picture.format != "PNG":
        return False
    file.seek(PNG_COLOUR)  # Pillow makes colour of grey with 16 bits and opacity
    return file.read(1) == GREY_AND_OPACITY


def _has_grey_palette(picture: Image) -> bool:
    palette = picture.getpalette("RGB") if picture.mode in ("P", "PA") else None
    return palette is not None and palette[::3] == palette[1::3] == palette[2::3]


def _colored(image: NDArray[Any], options: Options) -> NDArray[Any]:
    """Apply `color`, as far as that can be done without knowing the other files."""
    n_channels = 1 if image.ndim == 2 else image.shape[2]
    if options.color == "auto" or n_channels == 1:
        return image
    if n_channels != 3:
        raise ValueError(f"it has {n_channels} channels, so color must be 'auto'")
    return to_grey(image) if options.color == "gray" else image
