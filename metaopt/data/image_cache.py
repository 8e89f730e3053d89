"""Cache of decoded image folders: each folder is decoded once into a ``.npy`` file that every process reads.

A cache entry is a directory whose name contains a hash of the paths, sizes and modification times of all files and of
the image size. It is built in a temporary directory under a lock and then renamed, so an existing entry is complete. A
changed file gives a new entry. An entry is compared with its digests whenever it is opened, and built again if it
differs: 0.4 s for 150 MB, the size of 50,000 images of 32×32 pixels.
"""

import contextlib
import hashlib
import json
import math
import os
import shutil
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from filelock import FileLock

from metaopt.data.decoding import Decoder, ImageSizes, ProgressCallback
from metaopt.data.fingerprint import Digests, digest, digest_images
from metaopt.data.folder_scan import ImageFolder
from metaopt.errors import UserError
from metaopt.files.atomic_files import cannot_write
from metaopt.files.held_folders import discard, make_temporary
from metaopt.quantities import ImageSize
from metaopt.storage.files import Files
from metaopt.terminal.commands import shown
from metaopt.terminal.printable import file_name

CACHE_VERSION = 3
"""Increase it whenever the same files would be decoded to different pixels."""

_DIGEST_OF_DIGESTS = "digest.txt"
_BLOCK_BYTES = 2**22  # read at a time to verify pixels


@dataclass(frozen=True)
class DecodedFolder:
    """Decoded images of a folder.

    Attributes:
        images: ``.npy`` file of uint8 ``(n, height, width, channels)``, in the order of the folder's files, without
            those of ``sizes.skipped``.
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
    folder: ImageFolder,
    image_size: ImageSize | None,
    cache: Path | None,
    progress: ProgressCallback | None = None,
    skip_broken: bool = False,
) -> DecodedFolder:
    """Decode all images of a folder, or read them from the cache.

    Args:
        folder: the files.
        image_size: size of the decoded images; None chooses the side of squares from the images.
        cache: directory of the cache; None for a temporary directory.
        progress: called after each chunk of images.
        skip_broken: leave out the images that cannot be read; ``sizes.skipped`` of the result names them.

    Raises:
        UserError: some images cannot be read, or with ``skip_broken`` all of them.
        ResultsNotWritable: the cache cannot be written.
    """
    parent = make_temporary() if cache is None else cache
    entry = parent / f"{file_name(folder.root.name)}-{_hash_key(folder, image_size, skip_broken)}"
    try:
        temporary = parent if cache is None else None
        decoded = _read_entry(entry, temporary)
        if decoded is None:
            parent.mkdir(parents=True, exist_ok=True)
            with FileLock(parent / f"{entry.name}.lock"):
                decoded = _read_entry(entry, temporary)  # another process may have written it while this one waited
                if decoded is None:
                    _remove_entry(entry)
                    _write_entry(folder, image_size, entry, progress, skip_broken)
                    decoded = _open_entry(entry, temporary)
        return decoded
    except OSError as error:
        raise cannot_write(f"The cache of decoded images {shown(parent)}", error) from error
    finally:
        if cache is None and not entry.is_dir():
            discard(parent)


def _hash_key(folder: ImageFolder, image_size: ImageSize | None, skip_broken: bool) -> str:
    key = [CACHE_VERSION, str(folder.root.resolve()), image_size, folder.files, *(["skip"] if skip_broken else [])]
    return hashlib.blake2b(json.dumps(key).encode(), digest_size=8).hexdigest()


def _read_entry(entry: Path, temporary: Path | None) -> DecodedFolder | None:
    """Return an entry; None where there is none, or its content differs from its digests."""
    if entry.is_symlink() or not entry.is_dir():
        return None
    try:
        decoded = _open_entry(entry, temporary)
        return decoded if _is_intact(entry, decoded) else None
    except (OSError, ValueError, TypeError, KeyError, EOFError):  # a file is missing, or is not what was written
        return None


def _remove_entry(entry: Path) -> None:
    """Remove a damaged entry.

    Raises:
        UserError: it is a link.
    """
    if entry.is_symlink():
        raise UserError(f"{entry} is a link, behind which nothing is deleted: remove the link.")
    shutil.rmtree(entry, ignore_errors=True)


def _is_intact(entry: Path, decoded: DecodedFolder) -> bool:
    """Return whether the files of an entry have the content that was written."""
    if (entry / _DIGEST_OF_DIGESTS).read_text() != _digest_files(entry):
        return False
    with decoded.images.open("rb") as file:
        np.lib.format.read_magic(file)
        shape, is_fortran, dtype = np.lib.format.read_array_header_1_0(file)
        expected = (len(decoded.pixel_digests), *decoded.sizes.shape)
        if (shape, is_fortran, dtype) != (expected, False, np.uint8):
            return False
        image_bytes = math.prod(shape[1:])
        step = max(1, _BLOCK_BYTES // max(1, image_bytes))
        for start in range(0, shape[0], step):
            digests = decoded.pixel_digests[start : start + step]
            pixels = np.frombuffer(file.read(len(digests) * image_bytes), np.uint8)
            if not np.array_equal(digest_images(pixels.reshape(-1, image_bytes)), digests):
                return False
        return not file.read(1)


def _digest_files(entry: Path) -> str:
    """Return the digest of an entry's files apart from the pixels, which ``digests.npy`` describes."""
    return "".join(f"{digest((entry / name).read_bytes()):016x}" for name in ("digests.npy", "sizes.json"))


def _open_entry(entry: Path, temporary: Path | None) -> DecodedFolder:
    sizes = _read_sizes((entry / "sizes.json").read_text())
    pixel, file = np.load(entry / "digests.npy")
    return DecodedFolder(entry / "images.npy", sizes, pixel, file, temporary)


def _read_sizes(text: str) -> ImageSizes:
    """Return stored sizes; earlier versions, which knew only squares, stored their side."""
    stored = json.loads(text)
    if "side" in stored:
        stored["height"] = stored["width"] = stored.pop("side")
        is_square = stored.pop("square")
        stored["is_kept"] = is_square and stored["smallest"] == stored["largest"] == stored["height"]
    return ImageSizes(**stored)


def _mode_of(folder: ImageFolder) -> int:
    """Return the mode of a cache entry: only those who can read every image may open it."""
    everyone = 0o077
    for path in (folder.root, *(folder.root / file.path for file in folder.files)):
        with contextlib.suppress(FileNotFoundError):  # the decoder names it
            readable = path.stat().st_mode & 0o044
            everyone &= readable | readable >> 2
    return 0o700 | everyone


def _write_entry(
    folder: ImageFolder, image_size: ImageSize | None, entry: Path, progress: ProgressCallback | None, skip_broken: bool
) -> None:
    aside = entry.with_name(f"{entry.name}.part")
    shutil.rmtree(aside, ignore_errors=True)  # left behind by a process that was killed
    aside.mkdir(_mode_of(folder))
    try:
        with ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as pool, (aside / "images.npy").open("wb+") as out:
            decoder = Decoder(pool, folder.root, skip_broken, progress)
            *digests, sizes = decoder.decode(folder.files, image_size, out)
            Files().sync(out)
        np.save(aside / "digests.npy", np.stack(digests))
        (aside / "sizes.json").write_text(json.dumps(asdict(sizes)))
        (aside / _DIGEST_OF_DIGESTS).write_text(_digest_files(aside))
        aside.replace(entry)
    except BaseException:
        shutil.rmtree(aside, ignore_errors=True)
        raise
