"""A folder of pictures as a source."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from metaopt.data.content import fingerprint
from metaopt.data.decoded import Decoded, Progress, Sizes, decode
from metaopt.data.folder import Tree, scan
from metaopt.data.images import FileImages, subset
from metaopt.data.source import Source, advice_for


def folder_source(root: Path, size: int | None, cache: Path | None, progress: Progress | None = None) -> Source:
    """Scans a folder and decodes its pictures, or finds them decoded in the cache.

    Raises:
        UserError: the folder is not laid out as ``folder.scan`` says, or pictures cannot be read.
        ResultsNotWritable: the cache cannot be written.
    """
    tree = scan(root)
    decoded = decode(tree, size, cache, progress)
    labels = np.array([file.label for file in tree.files], np.int32)
    images = FileImages(decoded.images, {"label": labels})
    if decoded.temporary is not None:
        images.delete_when_unused(decoded.temporary)
    training = _rows(tree, ("train", "validation"))  # come first
    validation, test = _rows(tree, ("validation",)), _rows(tree, ("test",))
    sizes = decoded.sizes
    notes = tree.notes() + _size_notes(sizes, size)
    if len(validation):
        notes.append(f"The {len(validation):,} pictures of its own validation folder are the validation part.")
    for part in ("validation", "test"):
        notes += _missing_note(tree, part)
    return Source(
        name=root.name,
        images=subset(images, training),
        digests=decoded.pixel_digests[training],
        test=subset(images, test) if len(test) else None,
        test_digests=decoded.pixel_digests[test],
        class_names={"label": tree.classes},
        shape=(sizes.side, sizes.side, sizes.channels),
        advice=advice_for(sizes.channels),
        fingerprint=_fingerprint(tree, decoded, labels),
        validation=validation if len(validation) else None,
        notes=notes,
    )


def _rows(tree: Tree, parts: Sequence[str]) -> npt.NDArray[np.int64]:
    return np.array([row for row, file in enumerate(tree.files) if file.part in parts], np.int64)


def _fingerprint(tree: Tree, decoded: Decoded, labels: npt.NDArray[np.int32]) -> str:
    """Of the files' bytes, for decoders of other versions and machines differ in a pixel's last bit."""
    sizes = decoded.sizes
    heading = {
        "classes": tree.classes,
        "shape": [sizes.side, sizes.side, sizes.channels],
        "parts": [len(_rows(tree, (part,))) for part in ("train", "validation", "test")],
    }
    return fingerprint(heading, [{"label": labels}], [decoded.file_digests])


def _size_notes(sizes: Sizes, chosen: int | None) -> list[str]:
    """Says what became of the pictures' sizes; nothing if they keep theirs."""
    if sizes.smallest == sizes.largest == sizes.side and sizes.square:
        return []
    sides = f"{sizes.smallest}" if sizes.smallest == sizes.largest else f"{sizes.smallest} to {sizes.largest}"
    hint = " (--image-size changes that)" if chosen is None else ""
    return [
        f"The pictures, with shorter sides of {sides} pixels, are cut to their central square and resized to "
        f"{sizes.side}×{sizes.side}{hint}."
    ]


def _missing_note(tree: Tree, part: str) -> list[str]:
    """Says which classes a part lacks; nothing for a part that is absent as a whole."""
    there = {file.label for file in tree.files if file.part == part}
    missing = [name for label, name in enumerate(tree.classes) if label not in there]
    return [f"The {part} folder has no pictures of {', '.join(missing)}."] if there and missing else []
