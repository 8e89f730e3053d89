"""What a final model answered for each test image, kept beside its scores so that two models can be compared."""

import hashlib
import io
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from metaopt.data import Images
from metaopt.data.fingerprint import digest_images, fingerprint
from metaopt.storage.files import Files
from metaopt.training.metrics import Labels, Probabilities

# Enough for accuracy and top-3.
_KEPT_RANKS = 3
_BATCH = 1024


@dataclass(frozen=True, eq=False)
class Predictions:
    """Answers on a test part, of the first head.

    Attributes:
        true: ``(n,)`` classes of the images.
        ranked: ``(n, k)`` the k most probable classes, the most probable first; k is 3, or the number of classes if
            that is smaller. Of equally probable classes the lower comes first, as in the scores.
        test_set: digest of the images and their classes.
    """

    true: npt.NDArray[np.int32]
    ranked: npt.NDArray[np.int32]
    test_set: str

    def right(self, k: int = 1) -> npt.NDArray[np.bool_]:
        """``(n,)``: whether an image's class is among the ``k`` most probable ones."""
        return (self.ranked[:, :k] == self.true[:, None]).any(axis=1)


def predictions_of(probabilities: Probabilities, true: Labels, test_set: str) -> Predictions:
    """The answers that probabilities ``(n, classes)`` amount to."""
    ranked = np.argsort(-probabilities, axis=1, kind="stable")[:, :_KEPT_RANKS]
    return Predictions(np.asarray(true, np.int32), ranked.astype(np.int32), test_set)


def digest_test_set(images: Images) -> str:
    """Digest of the images of a test part, as a network sees them, and of their classes; 32 hexadecimal digits."""
    starts = range(0, len(images), _BATCH)
    batches = (images.batch(range(start, min(start + _BATCH, len(images))))[0] for start in starts)
    return fingerprint({}, [images.labels], (digest_images(batch) for batch in batches))


def write_predictions(folder: Path, number: int, predictions: Predictions) -> dict[str, str]:
    """Writes the predictions of a study's measurement, durably.

    Args:
        folder: of the study.
        number: of the measurement, from 1.
        predictions: to be kept.

    Returns:
        What the measurement is to say of them: ``file``, its ``sha256`` and the ``test_set``.

    Raises:
        ResultsNotWritable: the folder is read-only or the disk full.
    """
    buffer = io.BytesIO()
    np.savez_compressed(buffer, true=predictions.true, ranked=predictions.ranked)
    name = f"final_test_{number}.npz"  # as final_test.json: sorts before model_*.json
    Files().replace(folder / name, buffer.getvalue())
    return {
        "file": name,
        "sha256": hashlib.sha256(buffer.getvalue()).hexdigest(),
        "test_set": predictions.test_set,
    }


def read_predictions(folder: Path, kept: Mapping[str, Any]) -> Predictions | None:
    """The predictions of a measurement, given what it says of them; None where the file is gone or another one."""
    try:
        data = (folder / kept["file"]).read_bytes()
        if hashlib.sha256(data).hexdigest() != kept["sha256"]:
            return None
        with np.load(io.BytesIO(data), allow_pickle=False) as arrays:
            return Predictions(arrays["true"], arrays["ranked"], kept["test_set"])
    except (OSError, KeyError, ValueError, zipfile.BadZipFile):
        return None
