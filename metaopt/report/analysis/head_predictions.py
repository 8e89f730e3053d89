"""Predictions of each head of a retrained model on the test images, kept with the test log for figures."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from metaopt.data import Images
from metaopt.outputs import ClassOutput, ImageOutput, LabelOutput, NumberOutput, Output, read_output

Array = npt.NDArray[Any]

EXAMPLE_QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
"""Quantiles of the PSNR at which example images are taken: neither the best nor the worst is picked by hand."""
_HEADS = "heads"
_CHUNK = 256  # images that are read at a time


@dataclass(frozen=True, eq=False)
class ClassPredictions:
    """Classes of a head: ``true`` and ``predicted``, each ``(n,)``; −1 where the model gives no answer."""

    head: str
    output: ClassOutput
    true: Array
    predicted: Array


@dataclass(frozen=True, eq=False)
class LabelPredictions:
    """Labels of a head: ``true``, 0 or 1, and ``predicted`` probabilities, each ``(n, labels)``."""

    head: str
    output: LabelOutput
    true: Array
    predicted: Array


@dataclass(frozen=True, eq=False)
class NumberPredictions:
    """Numbers of a head: ``true`` and ``predicted``, each ``(n, numbers)``."""

    head: str
    output: NumberOutput
    true: Array
    predicted: Array


@dataclass(frozen=True, eq=False)
class ImagePredictions:
    """Images of a head, of which examples are kept.

    Attributes:
        head: name of the head.
        output: its output.
        true: target of each example, uint8 ``(k, h, w, c)``, with a further channel for a mask.
        predicted: prediction of each example, uint8 ``(k, h, w, c)``.
        inputs: what the network got, uint8 ``(k, h, w, channels)``.
        rows: numbers of the examples among the test images, by falling PSNR, ``(k,)``.
        psnr: PSNR of the prediction of every test image in dB, ``(n,)``.
        input_psnr: PSNR of the input in the place of the prediction, ``(n,)``; empty where it has other channels.
    """

    head: str
    output: ImageOutput
    true: Array
    predicted: Array
    inputs: Array
    rows: Array
    psnr: Array
    input_psnr: Array


HeadPredictions = ClassPredictions | LabelPredictions | NumberPredictions | ImagePredictions
_KINDS: dict[str, type[HeadPredictions]] = {
    "classes": ClassPredictions,
    "labels": LabelPredictions,
    "number": NumberPredictions,
    "image": ImagePredictions,
}


def collect_heads(
    outputs: Mapping[str, Output], predicted: Mapping[str, Array], images: Images
) -> list[HeadPredictions]:
    """Return what is kept of the predictions of each head.

    Args:
        outputs: head → output.
        predicted: head → predictions ``(n, …)`` of the exported model.
        images: the test split.
    """
    found: list[HeadPredictions] = []
    for head, output in outputs.items():
        true, values = np.asarray(images.labels[head]), predicted[head]
        match output:
            case ClassOutput():
                found.append(ClassPredictions(head, output, true.astype(np.int32), output.answer(values)))
            case LabelOutput():
                found.append(LabelPredictions(head, output, (true > 0).astype(np.uint8), values.astype(np.float32)))
            case NumberOutput():
                found.append(NumberPredictions(head, output, true, values))
            case ImageOutput():
                found.append(_collect_images(head, output, true, values, images))
    return found


def _collect_images(head: str, output: ImageOutput, true: Array, values: Array, images: Images) -> ImagePredictions:
    psnr = output.score_images(values, true)
    order = np.argsort(-psnr, kind="stable")
    places = np.unique(np.rint((1 - np.array(EXAMPLE_QUANTILES)) * (len(order) - 1)).astype(int))
    rows = order[places]
    pixels = np.clip(np.rint(values[rows]), 0, 255).astype(np.uint8)
    inputs = images.batch(rows)[0]
    input_psnr = np.zeros(0)
    if inputs.shape[3] == output.channels:
        parts = np.array_split(np.arange(len(true)), 1 + len(true) // _CHUNK)
        input_psnr = np.concatenate([output.score_images(images.batch(part)[0], true[part]) for part in parts])
    return ImagePredictions(head, output, true[rows], pixels, inputs, rows, psnr, input_psnr)


def to_arrays(heads: Sequence[HeadPredictions]) -> dict[str, Array]:
    """Return the predictions as arrays of a ``.npz`` file, see ``from_arrays``."""
    described = [{"head": each.head, **each.output.describe()} for each in heads]
    arrays: dict[str, Array] = {_HEADS: np.array(json.dumps(described))}
    for number, each in enumerate(heads):
        values = {name: value for name, value in vars(each).items() if name not in ("head", "output")}
        arrays |= {f"head_{number}_{name}": value for name, value in values.items()}
    return arrays


def from_arrays(arrays: Mapping[str, Array]) -> list[HeadPredictions]:
    """Return the predictions in the arrays of a file; none for a file of an earlier version.

    Raises:
        KeyError: An array is missing.
        TypeError: A head has other fields.
        ValueError: The description is damaged.
    """
    if _HEADS not in arrays:
        return []
    found: list[HeadPredictions] = []
    for number, described in enumerate(json.loads(str(arrays[_HEADS]))):
        head, start = described.pop("head"), f"head_{number}_"
        values = {name.removeprefix(start): arrays[name] for name in arrays if name.startswith(start)}
        found.append(_KINDS[described["kind"]](head=head, output=read_output(described), **values))  # type: ignore[arg-type]
    return found
