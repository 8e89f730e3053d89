"""Predictions of a retrained model for the test images, stored beside the test log so that models can be compared."""

import hashlib
import io
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from metaopt.data import Images
from metaopt.data.fingerprint import digest_images, fingerprint
from metaopt.outputs import ClassOutput, Output
from metaopt.report.analysis.head_predictions import HeadPredictions, from_arrays, to_arrays
from metaopt.storage.files import Files
from metaopt.training.metrics import Labels, Probabilities

_MAX_RANKS = 3  # enough for accuracy and top-3 accuracy
_BATCH = 1024
_UNREADABLE = (OSError, KeyError, TypeError, ValueError, zipfile.BadZipFile)


@dataclass(frozen=True, eq=False)
class Predictions:
    """Predicted classes of the first head for a test split.

    Attributes:
        true: ``(n,)`` true classes of the images.
        ranked: ``(n, k)`` the k most probable classes, the most probable first; k is 3, or the number of classes if
            that is smaller. Of equally probable classes the lower comes first, as in the scores.
        test_set: digest of the images and their classes.
    """

    true: npt.NDArray[np.int32]
    ranked: npt.NDArray[np.int32]
    test_set: str

    def correct(self, k: int = 1) -> npt.NDArray[np.bool_]:
        """Return ``(n,)``: whether the class of each image is among the ``k`` most probable ones."""
        return (self.ranked[:, :k] == self.true[:, None]).any(axis=1)


def rank_classes(probabilities: Probabilities, true: Labels, test_set: str) -> Predictions:
    """Return the predictions for ``(n, classes)`` probabilities.

    Args:
        probabilities: predicted probabilities.
        true: ``(n,)`` true classes.
        test_set: see ``digest_test_set``.
    """
    ranked = np.argsort(-probabilities, axis=1, kind="stable")[:, :_MAX_RANKS]
    return Predictions(np.asarray(true, np.int32), ranked.astype(np.int32), test_set)


@dataclass(frozen=True, eq=False)
class ImageScores:
    """Score of each test image by a first head that has no classes.

    Attributes:
        scores: ``(n,)``, more is better; see ``Output.score_images``.
        measure: what they are.
        test_set: digest of the images and their targets.
    """

    scores: npt.NDArray[np.float64]
    measure: str
    test_set: str


MEASURES = {"labels": "share of labels that are right", "number": "absolute error", "image": "PSNR (dB)"}
"""Kind of an output → the measure of its ``score_images``; an error is negated there."""


def summarise_predictions(
    output: Output, predicted: npt.NDArray[Any], true: npt.NDArray[Any], test_set: str
) -> Predictions | ImageScores:
    """Return what is stored of the predictions of the first head, so that two models can be compared."""
    if isinstance(output, ClassOutput):
        return rank_classes(predicted, true, test_set)
    return ImageScores(output.score_images(predicted, true), MEASURES[output.kind], test_set)


def digest_test_set(images: Images) -> str:
    """Return the digest of the images of a test split, as a network sees them, and of their classes; 32 hex digits."""
    starts = range(0, len(images), _BATCH)
    batches = (images.batch(range(start, min(start + _BATCH, len(images))))[0] for start in starts)
    return fingerprint({}, [images.labels], (digest_images(batch) for batch in batches))


def write_predictions(
    folder: Path, number: int, predictions: Predictions | ImageScores, heads: Sequence[HeadPredictions] = ()
) -> dict[str, str]:
    """Write the predictions of an entry of the test log, durably.

    Args:
        folder: folder of the study.
        number: number of the entry, from 1.
        predictions: the predictions.
        heads: those of each head, for figures.

    Returns:
        Value of the entry's key ``predictions``: ``file``, its ``sha256`` and the ``test_set``.

    Raises:
        ResultsNotWritable: The folder is read-only or the disk is full.
    """
    buffer = io.BytesIO()
    if isinstance(predictions, ImageScores):
        arrays = {"scores": predictions.scores, "measure": np.array(predictions.measure)}
    else:
        arrays = {"true": predictions.true, "ranked": predictions.ranked}
    np.savez_compressed(buffer, **arrays, **to_arrays(heads))  # type: ignore[arg-type]
    name = f"final_test_{number}.npz"  # sorts before model_*.json, of which the last is the best
    Files().replace(folder / name, buffer.getvalue())
    return {
        "file": name,
        "sha256": hashlib.sha256(buffer.getvalue()).hexdigest(),
        "test_set": predictions.test_set,
    }


def read_predictions(folder: Path, stored: Mapping[str, Any]) -> Predictions | ImageScores | None:
    """Read the predictions of an entry of the test log; None where the file is missing or has changed.

    Args:
        folder: folder of the study.
        stored: value of the entry's key ``predictions``.
    """
    try:
        arrays = _read_arrays(folder, stored)
        if "scores" in arrays:
            return ImageScores(arrays["scores"], str(arrays["measure"]), stored["test_set"])
        return Predictions(arrays["true"], arrays["ranked"], stored["test_set"])
    except _UNREADABLE:
        return None


def read_heads(folder: Path, stored: Mapping[str, Any]) -> list[HeadPredictions]:
    """Read the predictions of each head; none where the file is missing, has changed, or is of an earlier version.

    Args:
        folder: folder of the study.
        stored: value of the entry's key ``predictions``.
    """
    try:
        return from_arrays(_read_arrays(folder, stored))
    except _UNREADABLE:
        return []


def _read_arrays(folder: Path, stored: Mapping[str, Any]) -> dict[str, npt.NDArray[Any]]:
    """Return the arrays of a file.

    Raises:
        OSError: It is missing.
        ValueError: It is not the file that was written.
    """
    data = (folder / stored["file"]).read_bytes()
    if hashlib.sha256(data).hexdigest() != stored["sha256"]:
        raise ValueError("another file has this name")
    with np.load(io.BytesIO(data), allow_pickle=False) as arrays:
        return dict(arrays)
