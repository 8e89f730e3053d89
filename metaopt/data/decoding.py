"""Decoding of all images of a folder into one ``.npy`` file, by several threads."""

import math
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import BinaryIO, TypeVar

import numpy as np

from metaopt.data.fingerprint import Digests, digest_images
from metaopt.data.folder_scan import ImageFile
from metaopt.data.image_file import ImageFileError, ImageHeader, read_brightest, read_header, read_image
from metaopt.data.images import ImageArray
from metaopt.data.pixel_range import FULL, Brightness, choose_bits
from metaopt.errors import UserError
from metaopt.quantities import ImageSize, height_and_width

MAX_NATIVE_SIDE = 256
"""Images that share a larger side are resized too: training at that size would take too long for a search."""

MAX_MEDIAN_SIDE = 64
"""Images of several sizes become squares with their median side, at most this."""

_CHUNK_BYTES = 2**25
"""Decoded pixels that are written at a time."""

_CHUNK_FILES = 1024
"""Images that are queued for the threads at a time; each queued image takes a kilobyte."""

ProgressCallback = Callable[[int, int], None]
"""Called with (images decoded, images in total)."""

T = TypeVar("T")


@dataclass(frozen=True)
class ImageSizes:
    """Chosen size and channels of the decoded images; stored as ``sizes.json`` in the cache entry.

    Attributes:
        height: height of the decoded images in pixels.
        width: their width.
        channels: 1 for grey images, 3 for colour, another number for images of bands.
        smallest: smallest of the files' shorter sides in pixels.
        largest: largest of the files' shorter sides in pixels.
        is_kept: every file has the size of the decoded images, so none is cropped or resized.
        bits: bits that the training images with 16-bit pixels use, or None if there are none.
        clipped: number of images with brighter pixels, which became white.
        brightness: fields of the ``Brightness`` of all images.
        skipped: (path below the root, reason) of the files that were left out because they cannot be read.
    """

    height: int
    width: int
    channels: int
    smallest: int
    largest: int
    is_kept: bool = True
    bits: int | None = None
    clipped: int = 0
    brightness: dict[str, int] = field(default_factory=dict)
    skipped: Sequence[Sequence[str]] = ()

    @property
    def shape(self) -> tuple[int, int, int]:
        """Shape of a decoded image, (height, width, channels)."""
        return self.height, self.width, self.channels


class Decoder:
    """Decodes the images of a folder.

    Args:
        pool: the threads.
        root: the folder.
        skip_broken: leave out the images that cannot be read, instead of raising an error that names them.
        progress: called after each chunk of images.
    """

    def __init__(
        self, pool: ThreadPoolExecutor, root: Path, skip_broken: bool = False, progress: ProgressCallback | None = None
    ) -> None:
        self._pool = pool
        self._root = root
        self._skips = skip_broken
        self._progress = progress
        self._broken: dict[str, str] = {}

    def decode(
        self, files: Sequence[ImageFile], image_size: ImageSize | None, out: BinaryIO
    ) -> tuple[Digests, Digests, ImageSizes]:
        """Write the decoded images as ``.npy`` file.

        Args:
            files: the image files.
            image_size: size of the decoded images; None chooses the side of squares from the images.
            out: an empty file.

        Returns:
            Digests of the pixels and of the files, each ``(n,)``, and the sizes. Images that are left out are not
            among them, and the result is the same as if their files did not exist.

        Raises:
            UserError: images cannot be read: any, or with ``skip_broken`` all of them.
        """
        left = list(files)
        while True:
            left, sizes = self._choose_sizes(left, image_size)
            before = len(self._broken)
            pixel_digests, file_digests, sizes = self._write(left, sizes, out)
            if len(self._broken) == before:
                return pixel_digests, file_digests, replace(sizes, skipped=sorted(self._broken.items()))
            self._refuse(unless_skipped=True)
            left = [file for file in left if file.path not in self._broken]
            out.seek(0)
            out.truncate()

    def _choose_sizes(
        self, files: Sequence[ImageFile], image_size: ImageSize | None
    ) -> tuple[list[ImageFile], ImageSizes]:
        """Read the headers; return the readable files, and the sizes of their decoded images."""
        headers = self._read(read_header, files)
        self._refuse(unless_skipped=bool(headers))
        # The test images must not decide how the training images look.
        deep = [file for file in headers if headers[file].deep]
        training = [file for file in deep if file.split != "test"] or deep
        brightest = self._read(read_brightest, training)
        headers = {file: header for file, header in headers.items() if file.path not in self._broken}
        self._refuse(unless_skipped=bool(headers))
        bits = choose_bits(max(brightest.values())) if brightest else None
        self._check_channels(headers)
        return list(headers), _choose(list(headers.values()), image_size, bits)

    def _check_channels(self, headers: Mapping[ImageFile, ImageHeader]) -> None:
        """Check that images with bands have the same number of them.

        Raises:
            UserError: They do not, or other images are grey or in colour.
        """
        kinds = {0 if header.channels in (1, 3) else header.channels: file for file, header in headers.items()}
        if len(kinds) < 2:
            return
        first, second = [(headers[file].channels, self._root / file.path) for file in list(kinds.values())[:2]]
        raise UserError(
            f"The images have different numbers of channels: {first[1]} has {first[0]}, {second[1]} has {second[0]}."
            " Expected the same number in all, or grey and colour images."
        )

    def _write(
        self, files: Sequence[ImageFile], sizes: ImageSizes, out: BinaryIO
    ) -> tuple[Digests, Digests, ImageSizes]:
        """Write the ``.npy`` file in chunks, which reports a full disk; a memory map would not."""
        shape = (len(files), *sizes.shape)
        np.lib.format.write_array_header_1_0(out, {"descr": "|u1", "fortran_order": False, "shape": shape})
        pixel_digests, file_digests = np.zeros((2, len(files)), np.uint64)
        brightness, clipped, bits, before = Brightness(), 0, sizes.bits or FULL, len(self._broken)
        step = max(8, min(256, _CHUNK_BYTES // math.prod(sizes.shape)))
        for start in range(0, len(files), step):
            here = files[start : start + step]
            chunk = self._read(lambda path: read_image(path, (sizes.height, sizes.width), sizes.channels, bits), here)
            if len(self._broken) == before:  # after the first unreadable image the rest is only searched for more
                images: ImageArray = np.stack([decoded.image for decoded in chunk.values()])
                out.write(images.data)
                brightness.add(images)
                rows = slice(start, start + len(here))
                pixel_digests[rows] = digest_images(images)
                file_digests[rows] = [decoded.file_digest for decoded in chunk.values()]
                clipped += sum((decoded.brightest or 0) >= 2**bits for decoded in chunk.values())
            if self._progress is not None:
                self._progress(start + len(here), len(files))
        return pixel_digests, file_digests, replace(sizes, clipped=clipped, brightness=vars(brightness))

    def _read(self, function: Callable[[Path], T], files: Sequence[ImageFile]) -> dict[ImageFile, T]:
        """Apply a function to each file; return the results of those that can be read."""

        def attempt(file: ImageFile) -> T | ImageFileError:
            try:
                return function(self._root / file.path)
            except ImageFileError as error:
                return error

        results: dict[ImageFile, T] = {}
        for start in range(0, len(files), _CHUNK_FILES):
            part = files[start : start + _CHUNK_FILES]
            for file, result in zip(part, self._pool.map(attempt, part), strict=True):
                if isinstance(result, ImageFileError):
                    self._broken[file.path] = str(result)
                else:
                    results[file] = result
        return results

    def _refuse(self, unless_skipped: bool) -> None:
        """Raise an error that names the first three unreadable images; do nothing if there are none.

        Args:
            unless_skipped: do nothing either if they are to be skipped.

        Raises:
            UserError: there are any.
        """
        if not self._broken or (unless_skipped and self._skips):
            return
        (first, reason), *others = self._broken.items()
        more = ", ".join(str(self._root / path) for path, _ in others[:2]) + (", …" if len(others) > 2 else "")
        rest = f" (and {len(others):,} more: {more})" if others else ""
        raise UserError(
            f"Cannot read image file {self._root / first}: {reason}{rest}. Replace or remove"
            f" {'them' if others else 'it'}, or leave out unreadable images with skip_broken.",
            "skip_broken",
        )


def _choose(headers: Sequence[ImageHeader], image_size: ImageSize | None, bits: int | None) -> ImageSizes:
    """Choose size and channels: the given size, else the images' own side if all agree, otherwise the median side."""
    sides = np.array([header.side for header in headers])
    smallest, largest = int(sides.min()), int(sides.max())
    if image_size is not None:
        height, width = height_and_width(image_size)
    elif smallest == largest <= MAX_NATIVE_SIDE:
        height = width = smallest
    else:
        height = width = min(int(np.median(sides)), MAX_MEDIAN_SIDE)
    channels = max(header.channels for header in headers)
    is_kept = all((header.height, header.width) == (height, width) for header in headers)
    return ImageSizes(height, width, channels, smallest, largest, is_kept, bits)
