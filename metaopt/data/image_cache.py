"""Cache of decoded image folders: each folder is decoded once into a ``.npy`` file that every process reads.

A cache entry is a directory whose name contains a hash of the paths, sizes and modification times of all files and of
the image size. It is built in a temporary directory under a lock and then renamed, so an existing entry is complete. A
changed file gives a new entry.
"""

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import BinaryIO, TypeVar

import numpy as np
from filelock import FileLock

from metaopt.data.fingerprint import Digests, digest_images
from metaopt.data.folder_scan import ImageFolder
from metaopt.data.image_file import ImageFileError, ImageHeader, read_header, read_image
from metaopt.data.images import ImageArray
from metaopt.errors import ResultsNotWritable, UserError
from metaopt.printable import file_name
from metaopt.storage.files import Files

CACHE_VERSION = 2
"""Increase it whenever the same files would be decoded to different pixels."""

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
        side: side of the decoded square in pixels.
        channels: 1 or 3.
        smallest: smallest of the files' shorter sides in pixels.
        largest: largest of the files' shorter sides in pixels.
        square: every file is square, so none is cropped.
    """

    side: int
    channels: int
    smallest: int
    largest: int
    square: bool = True


@dataclass(frozen=True)
class DecodedFolder:
    """Decoded images of a folder.

    Attributes:
        images: ``.npy`` file of uint8 ``(n, side, side, channels)``, in the order of the folder's files.
        sizes: size and channels.
        pixel_digests: digests of the decoded pixels, ``(n,)``.
        file_digests: digests of the bytes of the files, ``(n,)``.
        temporary: directory to remove when the images are no longer used, or None.
    """

    images: Path
    sizes: ImageSizes
    pixel_digests: Digests
    file_digests: Digests
    temporary: Path | None = None


def decode_folder(
    folder: ImageFolder, image_size: int | None, cache: Path | None, progress: ProgressCallback | None = None
) -> DecodedFolder:
    """Decode all images of a folder, or read them from the cache.

    Args:
        folder: the files.
        image_size: side of the decoded squares in pixels; None chooses it from the images.
        cache: directory of the cache; None for a temporary directory.
        progress: called after each chunk of images.

    Raises:
        UserError: some images cannot be read.
        ResultsNotWritable: the cache cannot be written.
    """
    parent = Path(tempfile.mkdtemp(prefix="metaopt-data-")) if cache is None else cache
    entry = parent / f"{file_name(folder.root.name)}-{_hash_key(folder, image_size)}"
    try:
        if not entry.is_dir():
            parent.mkdir(parents=True, exist_ok=True)
            with FileLock(parent / f"{entry.name}.lock"):
                if not entry.is_dir():  # another process may have written it while this one waited
                    _write_entry(folder, image_size, entry, progress)
        return _read_entry(entry, temporary=parent if cache is None else None)
    except OSError as error:
        raise ResultsNotWritable(
            f"Cannot write decoded images to {parent}: {error.strerror or error}. Free disk space, or make the folder"
            " writable."
        ) from error
    finally:
        if cache is None and not entry.is_dir():
            shutil.rmtree(parent, ignore_errors=True)


def _hash_key(folder: ImageFolder, image_size: int | None) -> str:
    key = [CACHE_VERSION, str(folder.root.resolve()), image_size, folder.files]
    return hashlib.blake2b(json.dumps(key).encode(), digest_size=8).hexdigest()


def _read_entry(entry: Path, temporary: Path | None) -> DecodedFolder:
    sizes = ImageSizes(**json.loads((entry / "sizes.json").read_text()))
    pixel, file = np.load(entry / "digests.npy")
    return DecodedFolder(entry / "images.npy", sizes, pixel, file, temporary)


def _write_entry(folder: ImageFolder, image_size: int | None, entry: Path, progress: ProgressCallback | None) -> None:
    aside = entry.with_name(f"{entry.name}.part")
    shutil.rmtree(aside, ignore_errors=True)  # left behind by a process that was killed
    aside.mkdir()
    try:
        paths = [folder.root / file.path for file in folder.files]
        with ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as pool:
            headers, bad = _map_files(pool, read_header, paths)
            _raise_unreadable(bad)
            sizes = _choose_sizes(headers, image_size)
            with (aside / "images.npy").open("wb") as out:
                content = _write_images(pool, paths, sizes, out, progress)
                Files().sync(out)
        np.save(aside / "digests.npy", np.stack(content))
        (aside / "sizes.json").write_text(json.dumps(asdict(sizes)))
        aside.replace(entry)
    except BaseException:
        shutil.rmtree(aside, ignore_errors=True)
        raise


def _choose_sizes(headers: Sequence[ImageHeader], image_size: int | None) -> ImageSizes:
    """Choose size and channels: the images' own side if all agree, otherwise the median side."""
    sides = np.array([header.side for header in headers])
    smallest, largest = int(sides.min()), int(sides.max())
    if image_size is not None:
        side = image_size
    elif smallest == largest <= MAX_NATIVE_SIDE:
        side = smallest
    else:
        side = min(int(np.median(sides)), MAX_MEDIAN_SIDE)
    channels = 3 if any(header.colour for header in headers) else 1
    return ImageSizes(side, channels, smallest, largest, all(header.square for header in headers))


def _write_images(
    pool: ThreadPoolExecutor, paths: list[Path], sizes: ImageSizes, out: BinaryIO, progress: ProgressCallback | None
) -> tuple[Digests, Digests]:
    """Write the ``.npy`` file in chunks, which reports a full disk; a memory map would not.

    Returns:
        Digests of the pixels and of the files, each ``(n,)``.
    """
    shape = (len(paths), sizes.side, sizes.side, sizes.channels)
    np.lib.format.write_array_header_1_0(out, {"descr": "|u1", "fortran_order": False, "shape": shape})
    pixel_digests, file_digests = np.zeros((2, len(paths)), np.uint64)
    bad: list[tuple[Path, ImageFileError]] = []
    step = max(8, min(256, _CHUNK_BYTES // (sizes.side**2 * sizes.channels)))
    for start in range(0, len(paths), step):
        here = paths[start : start + step]
        chunk, unreadable = _map_files(pool, lambda path: read_image(path, sizes.side, sizes.channels), here)
        bad += unreadable
        if not bad:  # after the first unreadable image the rest is only searched for more of them
            images: ImageArray = np.stack([decoded.image for decoded in chunk])
            out.write(images.data)
            rows = slice(start, start + len(chunk))
            pixel_digests[rows] = digest_images(images)
            file_digests[rows] = [decoded.file_digest for decoded in chunk]
        if progress is not None:
            progress(start + len(here), len(paths))
    _raise_unreadable(bad)
    return pixel_digests, file_digests


def _map_files(
    pool: ThreadPoolExecutor, function: Callable[[Path], T], paths: list[Path]
) -> tuple[list[T], list[tuple[Path, ImageFileError]]]:
    """Apply a function to each file; return the results, and the files that cannot be read with the reason."""

    def attempt(path: Path) -> T | ImageFileError:
        try:
            return function(path)
        except ImageFileError as error:
            return error

    results: list[T | ImageFileError] = []
    for start in range(0, len(paths), _CHUNK_FILES):
        results += pool.map(attempt, paths[start : start + _CHUNK_FILES])
    bad = [(path, result) for path, result in zip(paths, results, strict=True) if isinstance(result, ImageFileError)]
    return [result for result in results if not isinstance(result, ImageFileError)], bad


def _raise_unreadable(bad: list[tuple[Path, ImageFileError]]) -> None:
    """Raise an error that names the first three unreadable images; do nothing if there are none.

    Raises:
        UserError: ``bad`` is not empty.
    """
    if bad:
        more = "".join(f", {path}" for path, _ in bad[1:3]) + (", …" if len(bad) > 3 else "")
        others = f" (and {len(bad) - 1:,} more: {more[2:]})" if more else ""
        raise UserError(f"Cannot read image file {bad[0][0]}: {bad[0][1]}{others}. Replace or remove it.")
