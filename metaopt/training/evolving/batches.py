"""Training batches and validation of an evolution while training.

The order of an epoch is a function of the seed and the epoch alone: all members of a population, and the network after
them, see the same examples in the same order, so that a difference between them is not one of luck.
"""

from typing import Any

import keras
import numpy as np
import numpy.typing as npt

from metaopt.randomness import make_generator
from metaopt.training.evolving.examples import Examples, take
from metaopt.training.evolving.losses import CLASSES

_VALIDATION_BATCH = 512  # examples, as far as they fit into ...
_VALIDATION_BYTES = 32 * 2**20  # ... of inputs


class ExampleBatches(keras.utils.PyDataset):
    """Batches of examples; each example occurs once per epoch.

    Args:
        examples: training examples.
        batch_size: examples per step, at most all; the last batch may be smaller.
        seed: seed of the study.

    Attributes:
        fault: None; batches in memory can be read.
    """

    fault = None

    def __init__(self, examples: Examples, batch_size: int, seed: int) -> None:
        super().__init__()
        self._examples = examples
        self._batch_size = min(batch_size, len(examples))
        self._seed = seed
        self.set_epoch(0)

    def set_epoch(self, epoch: int) -> None:
        """Select the order of an epoch, from 0."""
        self._order = make_generator(self._seed, 0, "order", epoch).permutation(len(self._examples))

    @property
    def num_batches(self) -> int:
        """Number of batches of an epoch."""
        return -(-len(self._examples) // self._batch_size)

    def __getitem__(self, index: int) -> tuple[Any, ...]:
        rows = self._order[index * self._batch_size : (index + 1) * self._batch_size]
        inputs, targets, weights = self._examples.read(rows)
        return (inputs, targets) if weights is None else (inputs, targets, weights)


class LossValidation:
    """Validation by the loss that the user's model was compiled with, without penalties and label smoothing.

    Args:
        examples: validation examples.
        compilation: ``loss`` and ``loss_weights`` of the model.
        output_names: names of its outputs.
        tasks: output → task.
    """

    def __init__(
        self, examples: Examples, compilation: dict[str, Any], output_names: list[str], tasks: dict[str, str]
    ) -> None:
        from keras.src.trainers.compile_utils import CompileLoss  # what keras.Model.compile makes of a loss

        self._examples = examples
        self._loss = CompileLoss(compilation["loss"], compilation.get("loss_weights"), output_names=output_names)
        self._is_classifier = list(tasks.values()) == [CLASSES]
        count = len(examples)
        inputs, _, _ = examples.read([0])
        size = max(1, sum(np.asarray(each).nbytes for each in keras.tree.flatten(inputs)))
        largest = max(1, min(_VALIDATION_BATCH, _VALIDATION_BYTES // size))
        batches = -(-count // largest)
        # Batches of one size, so that a backend compiles one program; the predictions of repeated rows are dropped.
        self._rows = np.resize(np.arange(count), (batches, -(-count // batches)))

    def measure(self, model: keras.Model) -> dict[str, float]:
        """Return ``val_loss``, and ``val_accuracy`` of a classifier."""
        count = len(self._examples)
        loss = hits = 0.0
        for number, rows in enumerate(self._rows):
            n = min(len(rows), count - number * len(rows))
            inputs, targets, weights = self._examples.read(rows)
            predicted = model.predict_on_batch(inputs)
            if n < len(rows):
                predicted, targets, weights = (take(each, slice(n)) for each in (predicted, targets, weights))
            loss += n * float(keras.ops.convert_to_numpy(self._loss(targets, predicted, weights)))
            if self._is_classifier:
                hits += self._count_hits(predicted, targets)
        metrics = {"val_loss": loss / count}
        return {**metrics, "val_accuracy": hits / count} if self._is_classifier else metrics

    def _count_hits(self, predicted: Any, targets: Any) -> float:
        classes = np.asarray(keras.tree.flatten(predicted)[0]).argmax(axis=-1)
        true: npt.NDArray[Any] = np.asarray(keras.tree.flatten(targets)[0])
        true = true.reshape(classes.shape) if true.size == classes.size else true.argmax(axis=-1)
        return float((classes == true).reshape(len(classes), -1).mean(axis=1).sum())
