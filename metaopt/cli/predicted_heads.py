"""Predictions of one image by head, for people and for JSON."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from metaopt.outputs import ImageOutput, LabelOutput, NumberOutput, Output
from metaopt.terminal.printable import file_name, printable


@dataclass(frozen=True)
class LabelPrediction:
    """Predicted labels.

    Attributes:
        probabilities: label → probability.
        thresholds: label → probability from which on it is predicted.
    """

    probabilities: dict[str, float]
    thresholds: dict[str, float]

    @property
    def labels(self) -> list[str]:
        """The predicted labels, the most probable first."""
        found = [name for name, value in self.probabilities.items() if value >= self.thresholds[name]]
        return sorted(found, key=lambda name: -self.probabilities[name])

    def as_text(self) -> str:
        """Return the labels with their probabilities."""
        return ", ".join(f"{printable(name)} {self.probabilities[name]:.3f}" for name in self.labels) or "no label"

    def to_json(self) -> dict[str, Any]:
        """Return labels and all probabilities."""
        return {"labels": self.labels, "probabilities": {k: round(v, 6) for k, v in self.probabilities.items()}}


@dataclass(frozen=True)
class NumberPrediction:
    """Predicted numbers, by name."""

    numbers: dict[str, float]

    def as_text(self) -> str:
        """Return the numbers, with their names if there are several."""
        if len(self.numbers) == 1:
            return f"{next(iter(self.numbers.values())):.6g}"
        return "  ".join(f"{printable(name)} {value:.6g}" for name, value in self.numbers.items())

    def to_json(self) -> dict[str, Any]:
        """Return the numbers."""
        return {"numbers": self.numbers}


@dataclass(frozen=True)
class ImagePrediction:
    """A predicted image, written to a file."""

    file: Path

    def as_text(self) -> str:
        """Return the file."""
        return printable(str(self.file))

    def to_json(self) -> dict[str, Any]:
        """Return the file."""
        return {"file": str(self.file)}


Prediction = LabelPrediction | NumberPrediction | ImagePrediction


def describe_outputs(
    outputs: Mapping[str, Output],
    predicted: Mapping[str, npt.NDArray[Any]],
    row: int,
    path: Path,
    folder: Path,
) -> dict[str, Prediction]:
    """Return the predictions of the heads without classes for one image; predicted images are written to PNG files.

    Args:
        outputs: head → output.
        predicted: head → predictions ``(n, …)``.
        row: number of the image among them.
        path: its file.
        folder: folder of predicted images.

    Raises:
        OSError: A file cannot be written.
    """
    found: dict[str, Prediction] = {}
    for head, output in outputs.items():
        values = predicted[head][row]
        if isinstance(output, LabelOutput):
            names, thresholds = output.names, output.thresholds or (0.5,) * len(output.names)
            probabilities = {name: float(value) for name, value in zip(names, values, strict=True)}
            found[head] = LabelPrediction(probabilities, dict(zip(names, thresholds, strict=True)))
        elif isinstance(output, NumberOutput):
            found[head] = NumberPrediction(
                {name: float(value) for name, value in zip(output.names, values, strict=True)}
            )
        elif isinstance(output, ImageOutput):
            found[head] = ImagePrediction(_write_image(values, folder, path, head))
    return found


def _write_image(values: npt.NDArray[Any], folder: Path, path: Path, head: str) -> Path:
    """Write an image; the name of the file has that of its input, and a number where it exists."""
    pixels = np.clip(np.rint(values), 0, 255).astype(np.uint8)
    folder.mkdir(parents=True, exist_ok=True)
    stem = f"{file_name(path.stem)}_{file_name(head)}"
    number = 1
    while True:
        target = folder / (f"{stem}.png" if number == 1 else f"{stem}-{number}.png")
        try:
            with target.open("xb") as file:
                Image.fromarray(pixels.squeeze(2) if pixels.shape[2] == 1 else pixels).save(file, format="PNG")
            return target
        except FileExistsError:
            number += 1
