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
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from filelock import FileLock

from metaopt.data.decoding import Decoder, ImageSizes, ProgressCallback
from metaopt.data.fingerprint import Digests
from metaopt.data.folder_scan import ImageFolder
from metaopt.errors import ResultsNotWritable
from metaopt.printable import file_name
from metaopt.storage.files import Files

CACHE_VERSION = 3
"""Increase it whenever the same files would be decoded to different pixels."""


@dataclass(frozen=True)
class DecodedFolder:
    """Decoded images of a folder.

    Attributes:
        images: ``.npy`` file of uint8 ``(n, side, side, channels)``, in the order of the folder's files, without those
            of ``sizes.skipped``.
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
    image_size: int | None,
    cache: Path | None,
    progress: ProgressCallback | None = None,
    skip_broken: bool = False,
) -> DecodedFolder:
    """Decode all images of a folder, or read them from the cache.

    Args:
        folder: the files.
        image_size: side of the decoded squares in pixels; None chooses it from the images.
        cache: directory of the cache; None for a temporary directory.
        progress: called after each chunk of images.
        skip_broken: leave out the images that cannot be read; ``sizes.skipped`` of the result names them.

    Raises:
        UserError: some images cannot be read, or with ``skip_broken`` all of them.
        ResultsNotWritable: the cache cannot be written.
    """
    parent = Path(tempfile.mkdtemp(prefix="metaopt-data-")) if cache is None else cache
    entry = parent / f"{file_name(folder.root.name)}-{_hash_key(folder, image_size, skip_broken)}"
    try:
        if not entry.is_dir():
            parent.mkdir(parents=True, exist_ok=True)
            with FileLock(parent / f"{entry.name}.lock"):
                if not entry.is_dir():  # another process may have written it while this one waited
                    _write_entry(folder, image_size, entry, progress, skip_broken)
        return _read_entry(entry, temporary=parent if cache is None else None)
    except OSError as error:
        raise ResultsNotWritable(
            f"Cannot write decoded images to {parent}: {error.strerror or error}. Free disk space, or make the folder"
            " writable."
        ) from error
    finally:
        if cache is None and not entry.is_dir():
            shutil.rmtree(parent, ignore_errors=True)


def _hash_key(folder: ImageFolder, image_size: int | None, skip_broken: bool) -> str:
    key = [CACHE_VERSION, str(folder.root.resolve()), image_size, folder.files, *(["skip"] if skip_broken else [])]
    return hashlib.blake2b(json.dumps(key).encode(), digest_size=8).hexdigest()


def _read_entry(entry: Path, temporary: Path | None) -> DecodedFolder:
    sizes = ImageSizes(**json.loads((entry / "sizes.json").read_text()))
    pixel, file = np.load(entry / "digests.npy")
    return DecodedFolder(entry / "images.npy", sizes, pixel, file, temporary)


def _write_entry(
    folder: ImageFolder, image_size: int | None, entry: Path, progress: ProgressCallback | None, skip_broken: bool
) -> None:
    aside = entry.with_name(f"{entry.name}.part")
    shutil.rmtree(aside, ignore_errors=True)  # left behind by a process that was killed
    aside.mkdir()
    try:
        with ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as pool, (aside / "images.npy").open("wb+") as out:
            decoder = Decoder(pool, folder.root, skip_broken, progress)
            *digests, sizes = decoder.decode(folder.files, image_size, out)
            Files().sync(out)
        np.save(aside / "digests.npy", np.stack(digests))
        (aside / "sizes.json").write_text(json.dumps(asdict(sizes)))
        aside.replace(entry)
    except BaseException:
        shutil.rmtree(aside, ignore_errors=True)
        raise
