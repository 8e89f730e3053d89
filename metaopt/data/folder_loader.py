"""Loading of a folder of image files, or of files with signals."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from metaopt.data.decoding import ImageSizes, ProgressCallback
from metaopt.data.fingerprint import describe_outputs, fingerprint
from metaopt.data.folder_scan import ImageFolder, Split, scan_folder
from metaopt.data.image_cache import DecodedFolder, decode_folder
from metaopt.data.image_targets import ImageTargets, read_image_targets
from metaopt.data.images import FileImages, LabelArray, subset
from metaopt.data.label_table import LABELS, LabelTable, explain_unused_table, has_label_table, read_label_table
from metaopt.data.pixel_range import FULL, Brightness
from metaopt.data.signal_folder import from_signal_files, holds_signals, read_signal_files
from metaopt.data.unsplit import UnsplitData, choose_default_augmentation
from metaopt.errors import Note, UserError
from metaopt.outputs import Output, class_outputs
from metaopt.quantities import ImageSize

T = TypeVar("T")

_NAMED = 10
"""Images that a note names at most."""


def load_folder(
    root: Path,
    size: ImageSize | None,
    cache: Path | None,
    progress: ProgressCallback | None = None,
    skip_broken: bool = False,
    targets: Mapping[str, str] | None = None,
) -> UnsplitData:
    """Scan a folder and decode its images, or read them from the cache.

    Args:
        root: the folder.
        size: size of the decoded images; None chooses the side of squares from the images.
        cache: directory of the cache; None for a temporary directory.
        progress: called after each chunk of decoded images.
        skip_broken: leave out the images that cannot be read; the result is as if their files did not exist.
        targets: target → kind in a folder with a ``labels.csv``, see ``read_label_table``.

    Raises:
        UserError: the folder does not have the layout that ``scan_folder`` expects, or images cannot be read.
        ResultsNotWritable: the cache cannot be written.
    """
    table = read_label_table(root, targets or {}, skip_broken) if has_label_table(root) else None
    if table is None and targets:
        head = next(iter(targets))
        raise UserError(f"Target {head} needs a file {LABELS} in {root}, which has class folders.", "target")
    folder = _scan(root) if table is None else table.folder
    if holds_signals(folder.files):
        return _load_signals(folder, table, size, skip_broken)
    decoded = decode_folder(folder, size, cache, progress, skip_broken)
    labels, outputs = _targets(folder, table, {path for path, _ in decoded.sizes.skipped})
    pictures = {} if table is None else _read_pictures(table, decoded.sizes)
    if table is not None:
        labels |= {head: each.pixels for head, each in pictures.items()}
        outputs |= {head: each.output for head, each in pictures.items()}
        labels, outputs = _in_order(labels, table.heads), _in_order(outputs, table.heads)
    images = FileImages(decoded.images, labels)
    if decoded.temporary is not None:
        images.delete_when_unused(decoded.temporary)
    # These come first, so that the indices of validation images also hold within them.
    training = _find_rows(folder, ("train", "validation"))
    validation, test = _find_rows(folder, ("validation",)), _find_rows(folder, ("test",))
    sizes = decoded.sizes
    unused = explain_unused_table(root)
    notes = (
        ([] if table is None else table.notes)
        + ([] if unused is None else [unused])
        + folder.notes()
        + _note_skipped(sizes)
        + _note_resizing(sizes, size)
        + _note_range(sizes)
        + [note for each in pictures.values() for note in each.notes]
    )
    if len(validation):
        where = "validation folder" if table is None else f"split validation in {LABELS}"
        notes.append(f"Using the {len(validation):,} images of the {where} as the validation split.")
    for split in ("validation", "test"):
        notes += _note_missing_classes(folder, split)
    return UnsplitData(
        name=root.name,
        images=subset(images, training),
        digests=decoded.pixel_digests[training],
        test=subset(images, test) if len(test) else None,
        test_digests=decoded.pixel_digests[test],
        outputs=outputs,
        shape=sizes.shape,
        default_augmentation=choose_default_augmentation(sizes.channels, outputs.values()),
        fingerprint=_fingerprint(
            folder, decoded, labels | {head: each.file_digests for head, each in pictures.items()}, outputs
        ),
        validation=validation if len(validation) else None,
        pixel_bits=FULL if sizes.bits is None else sizes.bits,
        notes=notes,
        names=[folder.files[row].path for row in training],
        test_names=[folder.files[row].path for row in test],
    )


def _scan(root: Path) -> ImageFolder:
    """Find the images of class folders; an error also tells why a ``labels.csv`` is not used, if there is one.

    Raises:
        UserError: See ``scan_folder``.
    """
    try:
        return scan_folder(root)
    except UserError as error:
        if (unused := explain_unused_table(root)) is None:
            raise
        raise UserError(f"{error} {unused}") from error


def _targets(
    folder: ImageFolder, table: LabelTable | None, skipped: set[str]
) -> tuple[dict[str, LabelArray], dict[str, Output]]:
    """Leave out files, and return the targets of the others and their outputs."""
    if table is not None:
        table.leave_out(skipped)
        return table.targets, table.outputs
    folder.files = [file for file in folder.files if file.path not in skipped]
    labels = {"label": np.array([file.label for file in folder.files], np.int32)}
    return labels, {**class_outputs({"label": folder.classes})}


def _in_order(values: Mapping[str, T], heads: Sequence[str]) -> dict[str, T]:
    return {head: values[head] for head in heads}


def _read_pictures(table: LabelTable, sizes: ImageSizes) -> dict[str, ImageTargets]:
    """Return head → image targets, cut and resized as the images are."""
    root, height, width = table.folder.root, sizes.height, sizes.width
    return {head: read_image_targets(root, each, height, width, LABELS) for head, each in table.images.items()}


def _load_signals(
    folder: ImageFolder, table: LabelTable | None, size: ImageSize | None, skip_broken: bool
) -> UnsplitData:
    """Read the signals of a folder; see ``load_folder``."""
    if table is not None and table.images:
        head = next(iter(table.images))
        raise UserError(
            f"Target {head} holds images, but the inputs are signals. Expected another kind of target.", "target"
        )
    read = read_signal_files(folder.root, folder.files, size, skip_broken)
    labels, outputs = _targets(folder, table, set(read.skipped))
    splits: tuple[Split, ...] = ("train", "validation", "test")
    rows = {split: _find_rows(folder, (split,)) for split in splits}
    notes = ([] if table is None else table.notes) + folder.notes() + read.notes
    for split in splits[1:]:
        notes += _note_missing_classes(folder, split, "signal")
    return from_signal_files(folder, read, labels, outputs, rows, notes)


def _find_rows(folder: ImageFolder, splits: Sequence[Split]) -> npt.NDArray[np.int64]:
    return np.array([row for row, file in enumerate(folder.files) if file.split in splits], np.int64)


def _fingerprint(
    folder: ImageFolder, decoded: DecodedFolder, labels: dict[str, LabelArray], outputs: dict[str, Output]
) -> str:
    """Hash the bytes of the files, because decoders on other machines may differ in the last bit of a pixel."""
    sizes = decoded.sizes
    splits: tuple[Split, ...] = ("train", "validation", "test")
    # Studies store the fingerprint, so the keys never change.
    heading = {
        **({"classes": folder.classes} if folder.classes else describe_outputs(outputs)),
        "shape": list(sizes.shape),
        "parts": [len(_find_rows(folder, (split,))) for split in splits],
    }
    if sizes.bits not in (None, FULL):  # the same files are other pixels than in a study begun before they were read so
        heading["bits"] = sizes.bits
    return fingerprint(heading, [labels], [decoded.file_digests])


def _note_resizing(sizes: ImageSizes, image_size: ImageSize | None) -> list[str]:
    """Return a note on how the images were cropped and resized; empty if they were not."""
    if sizes.is_kept:
        return []
    sides = f"{sizes.smallest}" if sizes.smallest == sizes.largest else f"{sizes.smallest} to {sizes.largest}"
    hint = " (set image_size to change this)" if image_size is None else ""
    window = "square" if sizes.height == sizes.width else f"window of the aspect ratio {sizes.height}:{sizes.width}"
    text = (
        f"The images, with shorter sides of {sides} pixels, are cropped to their central {window} and resized to"
        f" {sizes.height}×{sizes.width}{hint}."
    )
    return [Note(text, "image_size")]


def _note_skipped(sizes: ImageSizes) -> list[str]:
    """Return a note on the images that were left out; empty if none were."""
    if not sizes.skipped:
        return []
    number = len(sizes.skipped)
    named = ", ".join(f"{path} ({reason})" for path, reason in sizes.skipped[:_NAMED])
    rest = f" and {number - _NAMED:,} more" if number > _NAMED else ""
    return [f"Left out {number:,} image{'' if number == 1 else 's'} that cannot be read: {named}{rest}."]


def _note_range(sizes: ImageSizes) -> list[str]:
    """Return notes on the range of the pixels; empty if it is the usual one."""
    notes = Brightness(**sizes.brightness).notes("the images")
    if sizes.bits not in (None, FULL):
        notes.append(f"The pixels of the 16-bit images use {sizes.bits} bits: 0..{2**sizes.bits - 1:,} becomes 0..255.")
    if sizes.clipped:
        notes.append(f"{sizes.clipped:,} 16-bit test images have brighter pixels, which become white.")
    return notes


def _note_missing_classes(folder: ImageFolder, split: str, noun: str = "image") -> list[str]:
    """Return a note on the classes that a split lacks; empty if it lacks none or does not exist."""
    present = {file.label for file in folder.files if file.split == split}
    missing = [name for label, name in enumerate(folder.classes) if label not in present]
    return [f"The {split} folder has no {noun}s of {', '.join(missing)}."] if present and missing else []
