"""Training and validation examples of any kind of data, read into memory once; those of a data set stay on disk."""

import hashlib
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

import keras
import numpy as np
import numpy.typing as npt

from metaopt.data import DataSet, Images
from metaopt.data.split import HELD_OUT, VALIDATION_SEED, hold_out
from metaopt.data.standardization import Standardization
from metaopt.errors import UserError
from metaopt.outputs import ClassOutput, Output
from metaopt.training.batches import make_label_packer, read_images, scale_inputs
from metaopt.training.evolving.activation_layers import output_names
from metaopt.values.safe_text import class_name

BATCH_SIZE = 32  # that of keras.Model.fit


class Examples(Protocol):
    """Examples that can be read in any order."""

    def __len__(self) -> int:
        """Return the number of examples."""

    def read(self, rows: npt.ArrayLike) -> tuple[Any, Any, Any]:
        """Return inputs, targets and weights of some examples; None for no weights."""


@dataclass(frozen=True, eq=False)
class ArrayExamples:
    """Examples in memory; inputs, targets and weights are arrays ``(n, …)``, or lists or dicts of them.

    Attributes:
        inputs: inputs of the model.
        targets: targets of its outputs.
        weights: weights of the examples, or None.
    """

    inputs: Any
    targets: Any
    weights: Any = None

    def __len__(self) -> int:
        return len(keras.tree.flatten(self.inputs)[0])

    def read(self, rows: npt.ArrayLike) -> tuple[Any, Any, Any]:
        """See ``Examples.read``."""
        return take(self.inputs, rows), take(self.targets, rows), take(self.weights, rows)


@dataclass(frozen=True, eq=False)
class ImageExamples:
    """Images or signals of a data set, as its networks take them.

    Attributes:
        images: the images.
        outputs: head → output.
        standardization: that of signals; None for images.
        arrange: packs targets into the structure of the model's output.
    """

    images: Images
    outputs: dict[str, Output]
    standardization: Standardization | None
    arrange: Any

    def __len__(self) -> int:
        return len(self.images)

    def read(self, rows: npt.ArrayLike) -> tuple[Any, Any, Any]:
        """See ``Examples.read``."""
        inputs, targets = read_images(self.images, rows)
        encoded = {
            head: targets[head] if isinstance(output, ClassOutput) else output.encode(targets[head])
            for head, output in self.outputs.items()
        }
        return scale_inputs(inputs, self.standardization), self.arrange(encoded), None


@dataclass(frozen=True, eq=False)
class TrainingData:
    """Data of an evolution while training.

    Attributes:
        train: training examples.
        validation: validation examples.
        batch_size: batch size of the data.
        fingerprint: hash of all examples.
        description: sizes, for the header of a study; JSON types only.
        data_set: the data set that they are of, whose augmentation is used; None for other data.
    """

    train: Examples
    validation: Examples
    batch_size: int
    fingerprint: str
    description: dict[str, Any] = field(default_factory=dict)
    data_set: DataSet | None = None


def read_data(data: Any, model: keras.Model, batch_size: int | None = None) -> TrainingData:
    """Return the examples of any kind of data.

    Args:
        data: ``(inputs, targets)`` or ``(inputs, targets, weights)`` of arrays, a ``tf.data.Dataset`` or a
            ``keras.utils.PyDataset`` of such batches, of which 20 % are held out for validation; a pair
            ``(training, validation)`` of any of these; or a data set of ``metaopt.data``.
        model: the model, whose output has the structure of the targets.
        batch_size: batch size, or None for that of the data, 32 for arrays.

    Raises:
        UserError: The data are of another kind, empty or endless, their lengths differ, or the targets have other names
            than the outputs of the model.
    """
    if isinstance(data, DataSet):
        return of_data_set(data, model, batch_size or BATCH_SIZE)
    outputs, names = None if isinstance(model, keras.Sequential) else model.output, output_names(model)
    if _is_pair(data):
        train, own = _read(data[0], "training data")
        validation, _ = _read(data[1], "validation data")
    else:
        everything, own = _read(data, "data")
        train, validation = _hold_out(everything)
    digest = hashlib.sha256()
    for examples in (train, validation):
        for array in _arrays_of(examples):
            digest.update(f"{array.dtype} {array.shape} ".encode())
            digest.update(np.ascontiguousarray(array).data)
    train, validation = (
        replace(examples, targets=_arrange_targets(examples.targets, outputs, names))
        for examples in (train, validation)
    )
    description = {"name": "arrays", "images": {"train": len(train), "validation": len(validation)}}
    return TrainingData(train, validation, batch_size or own, digest.hexdigest()[:32], description)


def of_data_set(data: DataSet, model: keras.Model, batch_size: int) -> TrainingData:
    """Return the examples of a data set."""
    heads = list(data.classes)
    arrange = make_label_packer(model.compute_output_spec(keras.KerasTensor((None, *data.input_shape))), heads)
    train, validation = (
        ImageExamples(images, dict(data.outputs), data.standardization, arrange)
        for images in (data.train, data.validation)
    )
    return TrainingData(train, validation, batch_size, data.fingerprint, data.description, data)


def _is_pair(data: Any) -> bool:
    """Return whether data are a training and a validation part rather than inputs and targets."""
    if not isinstance(data, tuple | list) or len(data) != 2:
        return False
    return all((isinstance(each, tuple | list) and len(each) in (2, 3)) or _is_iterable_data(each) for each in data)


def _is_iterable_data(data: Any) -> bool:
    return isinstance(data, keras.utils.PyDataset) or hasattr(data, "element_spec")


def _read(data: Any, what: str) -> tuple[ArrayExamples, int]:
    """Return the examples of one part, and their batch size.

    Raises:
        UserError: see ``read_data``.
    """
    if _is_iterable_data(data):
        return _read_batches(data, what)
    if not isinstance(data, tuple | list) or len(data) not in (2, 3):
        raise UserError(
            f"Invalid {what}: {class_name(data)}. Expected (inputs, targets) of arrays, a tf.data.Dataset, a"
            " keras.utils.PyDataset, a data set of metaopt.data, or a pair (training, validation) of them.",
            "data",
        )
    parts = [keras.tree.map_structure(_as_array, part) for part in data]
    return _checked(ArrayExamples(*parts), what), BATCH_SIZE


def _read_batches(data: Any, what: str) -> tuple[ArrayExamples, int]:
    if isinstance(data, keras.utils.PyDataset):
        if data.num_batches is None:
            raise UserError(f"The {what} are a PyDataset without an end. Define num_batches.", "data")
        batches = [data[number] for number in range(data.num_batches)]
    else:
        if int(data.cardinality()) == -1:  # tf.data.INFINITE_CARDINALITY
            raise UserError(f"The {what} are a tf.data.Dataset without an end: leave out repeat().", "data")
        batches = list(data)
    batches = [keras.tree.map_structure(_as_array, batch) for batch in batches]
    if not batches or not all(isinstance(batch, tuple | list) and len(batch) in (2, 3) for batch in batches):
        raise UserError(
            f"The {what} have no batches of inputs and targets. Expected batches (inputs, targets), such as those of"
            " dataset.batch(32).",
            "data",
        )
    sizes = [len(keras.tree.flatten(batch[0])[0]) for batch in batches]
    joined = keras.tree.map_structure(lambda *arrays: np.concatenate(arrays), *[tuple(batch) for batch in batches])
    return _checked(ArrayExamples(*joined), what), max(sizes)


def _as_array(value: Any) -> Any:
    return None if value is None else np.asarray(value)


def _checked(examples: ArrayExamples, what: str) -> ArrayExamples:
    """Check that there are examples, with a target each.

    Raises:
        UserError: There are none, or the lengths differ.
    """
    arrays = _arrays_of(examples)
    if not all(array.ndim for array in arrays):
        raise UserError(f"The {what} hold a single value where an array (n, …) was expected.", "data")
    lengths = sorted({len(array) for array in arrays})
    if lengths == [0]:
        raise UserError(f"The {what} are empty.", "data")
    if len(lengths) > 1:
        raise UserError(
            f"The arrays of the {what} have different lengths: {', '.join(map(str, lengths))}. Expected one target for"
            " each input.",
            "data",
        )
    return examples


def _arrays_of(examples: ArrayExamples) -> list[npt.NDArray[Any]]:
    arrays = keras.tree.flatten([examples.inputs, examples.targets, examples.weights])
    return [array for array in arrays if array is not None]


def _hold_out(examples: ArrayExamples) -> tuple[ArrayExamples, ArrayExamples]:
    """Return training and validation examples; of class indices, a share of each class is held out.

    Raises:
        UserError: There is a single example.
    """
    if len(examples) < 2:
        raise UserError("The data have 1 example. Expected at least 2, one of them for validation.", "data")
    n = len(examples)
    kept, held = hold_out(_strata(examples.targets, n), HELD_OUT, VALIDATION_SEED)
    if len(held) < HELD_OUT * n / 2:  # integers of which most occur once or twice are no classes
        kept, held = hold_out(np.zeros(n, np.int64), HELD_OUT, VALIDATION_SEED)
    train, validation = (ArrayExamples(*examples.read(rows)) for rows in (kept, held))
    return train, validation


def _arrange_targets(targets: Any, outputs: Any, names: list[str]) -> Any:
    """Return targets in the structure of a model's outputs; Keras' generators take no lists, and losses no other keys.

    Args:
        targets: an array, or a list or dict of arrays.
        outputs: output of the model: a tensor, or a list or dict of tensors.
        names: names of the outputs, in the order of ``keras.tree.flatten``.

    Raises:
        UserError: The targets have other names than the outputs.
    """
    given = keras.tree.flatten(targets)
    if len(given) != len(names):
        return targets  # ``check_examples`` tells the numbers
    if isinstance(targets, dict) and (len(names) > 1 or isinstance(outputs, dict)):
        if set(targets) != set(names):
            raise UserError(
                f"The data have targets of the names {', '.join(map(str, targets))}. Expected those of the outputs of"
                f" the model: {', '.join(names)}.",
                "data",
            )
        given = [targets[name] for name in names]
    elif isinstance(outputs, dict) and len(names) > 1:
        raise UserError(
            f"The targets of the data have no names. Expected a dict with those of the outputs of the model:"
            f" {', '.join(names)}.",
            "data",
        )
    packed = keras.tree.pack_sequence_as(outputs, given)
    return tuple(packed) if isinstance(packed, list) else packed


def _strata(targets: Any, n: int) -> npt.NDArray[np.int64]:
    """Return the class of each example; one class for other targets."""
    first = keras.tree.flatten(targets)[0]
    if first.dtype.kind in "iub" and first.size == n:
        return first.reshape(n).astype(np.int64)
    is_one_hot = first.ndim == 2 and first.shape[1] > 1 and ((first == 0) | (first == 1)).all()
    if is_one_hot and (first.sum(axis=1) == 1).all():
        return first.argmax(axis=1).astype(np.int64)
    return np.zeros(n, np.int64)


def take(arrays: Any, rows: Any) -> Any:
    """Return some rows of arrays, or of lists or dicts of them."""
    return keras.tree.map_structure(lambda array: None if array is None else array[rows], arrays)
