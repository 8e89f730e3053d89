"""Reading of the images, and writing of the result of one training."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

Arrays = tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64], npt.NDArray[np.uint8], npt.NDArray[np.int64], int]


def read(path: str) -> Arrays:
    """Return training images, their labels, test images, their labels, and the number of classes of a ``.npz``."""
    with np.load(path) as arrays:
        x, y, x_test, y_test = (arrays[name] for name in ("x_train", "y_train", "x_test", "y_test"))
        return x, y.astype(np.int64), x_test, y_test.astype(np.int64), len(arrays["classes"])


def write(path: str, predicted: npt.NDArray[Any], expected: npt.NDArray[Any], **more: Any) -> None:
    """Write the test accuracy of predicted classes, and more."""
    result = {"accuracy": float(np.mean(predicted == expected)), **more}
    Path(path).write_text(json.dumps(result))
