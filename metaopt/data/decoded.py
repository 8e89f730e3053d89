"""The pictures of a folder, decoded once into a ``.npy`` file that every process reads from.

An entry of the cache is a directory named after what it was made of: paths, sizes and times of all files, and the image
size. It is made aside under a lock and renamed, so an entry that is there is whole; a changed file makes a new entry.
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
from typing import IO, TypeVar

import numpy as np
from filelock import FileLock

from metaopt.data.content import Digests, digests
from metaopt.data.folder import Tree
from metaopt.data.images import ImageArray
from metaopt.data.picture import PictureError, Probe, probe, read
from metaopt.errors import ResultsNotWritable, UserError

FORMAT = 2
"""To be counted up when the same pictures would be decoded to other pixels."""

LARGEST_NATIVE = 256
"""Pictures that agree on a larger side than this are resized too: no search could train on them in its time."""

LARGEST_MEDIAN = 64
"""Pictures of several sizes become squares of their median side, but no larger."""

_CHUNK_BYTES = 2**25
"""Decoded pixels that wait to be written at a time."""

_CHUNK_FILES = 1024
"""Pictures that are handed to the threads at a time; each of them costs a kilobyte while it waits."""

Progress = Callable[[int, int], None]
"""Called with how many pictures of how many are decoded."""

T = TypeVar("T")


@dataclass(frozen=True)
class Sizes:
    """What was decided about size and colour.

    Attributes:
        side: in pixels.
        channels: 1 or 3.
        smallest, largest: of the shorter sides of the files.
        square: whether no picture is cut.
    """

    side: int
    channels: int
    smallest: int
    largest: int
    square: bool = True


@dataclass(frozen=True)
class Decoded:
    """Decoded pictures.

    Attributes:
        images: ``.npy`` file of uint8 ``(n, side, side, channels)``, in the order of the tree's files.
        sizes: see there.
        pixel_digests: of the decoded pixels, ``(n,)``.
        file_digests: of the files' bytes, ``(n,)``.
        temporary: the directory to remove when nobody needs the images any more, or None.
    """

    images: Path
    sizes: Sizes
    pixel_digests: Digests
    file_digests: Digests
    temporary: Path | None = None


def decode(tree: Tree, image_size: int | None, cache: Path | None, progress: Progress | None = None) -> Decoded:
    """Decodes all pictures, or finds them decoded.

    Args:
        tree: the pictures.
        image_size: the side of the result in pixels; None to decide by the pictures.
        cache: the directory of entries; None for a temporary one.
        progress: is told how far it is.

    Raises:
        UserError: pictures cannot be read.
        ResultsNotWritable: the cache cannot be written.
    """
    folder = Path(tempfile.mkdtemp(prefix="metaopt-data-")) if cache is None else cache
    entry = folder / f"{tree.root.name}-{_key(tree, image_size)}"
    try:
        if not entry.is_dir():
            folder.mkdir(parents=True, exist_ok=True)
            with FileLock(folder / f"{entry.name}.lock"):
                if not entry.is_dir():  # another process may have made it meanwhile
                    _make(tree, image_size, entry, progress)
        return _open(entry, temporary=folder if cache is None else None)
    except OSError as error:
        raise ResultsNotWritable(
            f"The decoded pictures cannot be kept in {folder}: {error.strerror or error}; "
            "make room, or make it writable."
        ) from error
    finally:
        if cache is None and not entry.is_dir():
            shutil.rmtree(folder, ignore_errors=True)


def _key(tree: Tree, image_size: int | None) -> str:
    made_of = [FORMAT, str(tree.root.resolve()), image_size, tree.files]
    return hashlib.blake2b(json.dumps(made_of).encode(), digest_size=8).hexdigest()


def _open(entry: Path, temporary: Path | None) -> Decoded:
    sizes = Sizes(**json.loads((entry / "sizes.json").read_text()))
    pixel, file = np.load(entry / "digests.npy")
    return Decoded(entry / "images.npy", sizes, pixel, file, temporary)


def _make(tree: Tree, image_size: int | None, entry: Path, progress: Progress | None) -> None:
    aside = entry.with_name(f"{entry.name}.part")
    shutil.rmtree(aside, ignore_errors=True)  # of a process that was killed
    aside.mkdir()
    try:
        paths = [tree.root / file.path for file in tree.files]
        with ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as pool:
            probes, bad = _attempts(pool, probe, paths)
            _refuse(bad)
            sizes = _choose(probes, image_size)
            with (aside / "images.npy").open("wb") as out:
                content = _write(pool, paths, sizes, out, progress)
                out.flush()
                os.fsync(out.fileno())
        np.save(aside / "digests.npy", np.stack(content))
        (aside / "sizes.json").write_text(json.dumps(asdict(sizes)))
        aside.replace(entry)
    except BaseException:
        shutil.rmtree(aside, ignore_errors=True)
        raise


def _choose(probes: Sequence[Probe], image_size: int | None) -> Sizes:
    """The size and the channels: the pictures' own side if all agree, else the median."""
    sides = np.array([probe.side for probe in probes])
    smallest, largest = int(sides.min()), int(sides.max())
    if image_size is not None:
        side = image_size
    elif smallest == largest <= LARGEST_NATIVE:
        side = smallest
    else:
        side = min(int(np.median(sides)), LARGEST_MEDIAN)
    channels = 3 if any(probe.colour for probe in probes) else 1
    return Sizes(side, channels, smallest, largest, all(probe.square for probe in probes))


def _write(
    pool: ThreadPoolExecutor, paths: list[Path], sizes: Sizes, out: IO[bytes], progress: Progress | None
) -> tuple[Digests, Digests]:
    """Writes the ``.npy`` file piece by piece, which tells of a full disk, as a memory map would not."""
    shape = (len(paths), sizes.side, sizes.side, sizes.channels)
    np.lib.format.write_array_header_1_0(out, {"descr": "|u1", "fortran_order": False, "shape": shape})
    pixel_digests, file_digests = np.zeros((2, len(paths)), np.uint64)
    bad: list[tuple[Path, PictureError]] = []
    step = max(8, min(256, _CHUNK_BYTES // (sizes.side**2 * sizes.channels)))
    for start in range(0, len(paths), step):
        here = paths[start : start + step]
        chunk, unreadable = _attempts(pool, lambda path: read(path, sizes.side, sizes.channels), here)
        bad += unreadable
        if not bad:  # else the others are only looked through for more of them
            images: ImageArray = np.stack([pixels.image for pixels in chunk])
            out.write(images.data)
            rows = slice(start, start + len(chunk))
            pixel_digests[rows] = digests(images)
            file_digests[rows] = [pixels.file_digest for pixels in chunk]
        if progress is not None:
            progress(start + len(here), len(paths))
    _refuse(bad)
    return pixel_digests, file_digests


def _attempts(
    pool: ThreadPoolExecutor, function: Callable[[Path], T], paths: list[Path]
) -> tuple[list[T], list[tuple[Path, PictureError]]]:
    """The function of each path, and those pictures that cannot be read."""

    def attempt(path: Path) -> T | PictureError:
        try:
            return function(path)
        except PictureError as error:
            return error

    results: list[T | PictureError] = []
    for start in range(0, len(paths), _CHUNK_FILES):
        results += pool.map(attempt, paths[start : start + _CHUNK_FILES])
    bad = [(path, result) for path, result in zip(paths, results, strict=True) if isinstance(result, PictureError)]
    return [result for result in results if not isinstance(result, PictureError)], bad


def _refuse(bad: list[tuple[Path, PictureError]]) -> None:
    """Says which pictures cannot be read, all of them having been looked for.

    Raises:
        UserError: names the first three.
    """
    if bad:
        more = "".join(f", {path}" for path, _ in bad[1:3]) + (", …" if len(bad) > 3 else "")
        others = f" (as {len(bad) - 1:,} more: {more[2:]})" if more else ""
        raise UserError(f"The picture {bad[0][0]} cannot be read: {bad[0][1]}{others}; replace or remove it.")
