"""Training batches in the order of each epoch, and prediction on the validation split."""

import contextlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import keras
import numpy as np
import numpy.typing as npt

from metaopt.data import Images
from metaopt.data.augment import Augmentation, augment_signals
from metaopt.data.augmentation import BatchAugmentation
from metaopt.data.images import InputArray
from metaopt.data.scaling import scale
from metaopt.data.standardization import Standardization
from metaopt.engine.jobs import NO_WEIGHTS
from metaopt.errors import EnvironmentFault
from metaopt.outputs import ClassOutput, Output, as_outputs
from metaopt.outputs.class_metrics import Probabilities, as_probabilities
from metaopt.problems.augmentation_check import check_augmentation
from metaopt.problems.problem import Classes
from metaopt.problems.training_config import Training
from metaopt.randomness import make_fold_purpose, make_generator

_MIN_VALIDATION_BATCH = 128  # images; forward passes need less memory than training steps


def scale_inputs(inputs: InputArray, standardization: Standardization | None) -> npt.NDArray[np.float32]:
    """Scale images, see ``scale``, or standardise signals: what every network takes.

    Args:
        inputs: images ``(n, h, w, c)`` or signals ``(n, length, c)``.
        standardization: that of signals; None for images.
    """
    return scale(inputs) if standardization is None else standardization.apply(inputs)


def read_images(images: Images, rows: npt.ArrayLike) -> tuple[InputArray, dict[str, Any]]:
    """Return a batch; see ``Images.batch``.

    Raises:
        EnvironmentFault: the file of the images is missing or damaged, or memory does not hold the batch.
    """
    try:
        return images.batch(rows)
    except (OSError, MemoryError) as error:
        raise cannot_train(error, "Its images cannot be read") from error


def cannot_train(error: OSError | MemoryError, what: str) -> EnvironmentFault:
    """Return the error for a training that data, disk or memory interrupted.

    Args:
        error: the error of the system.
        what: what failed, e.g. ``"Its images cannot be read"``.
    """
    reason = (error.strerror if isinstance(error, OSError) else "") or str(error) or type(error).__name__
    file = getattr(error, "filename", None)
    place = f", {file}" if file is not None and str(file) not in reason else ""
    return EnvironmentFault(
        f"A training was interrupted. {what} ({reason}{place}). Start the search again: the trial resumes, and decoded"
        " images that are gone are decoded again."
    )


def make_label_packer(output: Any, heads: list[str]) -> Callable[[Mapping[str, Any]], Any]:
    """Return a function that packs labels by head into the structure of a model's output: dict, tuple or array."""
    if isinstance(output, dict):
        return dict
    if isinstance(output, list | tuple):
        return lambda labels: tuple(labels[head] for head in heads)
    return lambda labels: labels[heads[0]]


def outputs_by_head(output: Any, heads: list[str]) -> dict[str, Any]:
    """Return a model's output or prediction, a dict, list or tensor, as head → value in the order of the heads."""
    if isinstance(output, dict):
        return {head: output[head] for head in heads}
    values = output if isinstance(output, list | tuple) else [output]
    return dict(zip(heads, values, strict=False))


def steps_per_epoch(count: int, batch_size: int) -> int:
    """Return the number of batches of an epoch; the last batch may be smaller."""
    return -(-count // min(batch_size, count))


def weigh_classes(
    images: Images, outputs: Mapping[str, Output], class_weights: str
) -> dict[str, npt.NDArray[np.float32]] | None:
    """Return head → weight of each class, n / (k·nₖ), so that the k classes weigh the same and images 1 on average.

    King & Zeng 2001, doi:10.1093/oxfordjournals.pan.a004868, as scikit-learn's ``balanced``. A class without images has
    the weight 0.

    Args:
        images: training images.
        outputs: head → output; heads without classes have no weights.
        class_weights: ``none`` or ``balanced``.

    Returns:
        None for ``none``.
    """
    if class_weights == NO_WEIGHTS:
        return None
    weights = {}
    for head, output in outputs.items():
        if isinstance(output, ClassOutput):
            counts = np.bincount(images.labels[head], minlength=len(output.names))
            balanced = len(images) / (np.count_nonzero(counts) * np.maximum(counts, 1))
            weights[head] = np.where(counts > 0, balanced, 0).astype(np.float32)
    return weights


class TrainingBatches(keras.utils.PyDataset):
    """Batches of augmented training images; every image occurs once per epoch.

    Order and augmentation are functions of (seed, trial, fold, epoch). They do not depend on the epochs that this
    process trained before, nor on the order in which Keras requests the batches.

    Args:
        images: training images.
        augmentation: augmentation of the images.
        training: training settings; batch size, cutout, mixup and the augmentation policy are used. The batch size is
            limited to the number of images, and the last batch of an epoch may be smaller.
        pack_labels: packs labels by head into the structure that the model expects.
        seed: seed of the study.
        trial: number of the trial.
        soft_classes: head → number of classes, for labels as probabilities, float32 ``(n, classes)``, or output; None
            for class indices, ``(n,)``, which disables mixup and CutMix.
        fold: index of the cross-validation fold, from 0.
        outputs: head → output; None where every head has classes.
        class_weights: head → weight of each class, ``(classes,)``, see ``weigh_classes``; None for no weights.
        standardization: that of signals; None for images.

    Raises:
        UserError: the training has an augmentation policy, and the data are signals or volumes.

    Attributes:
        fault: why a batch could not be read, or None; TensorFlow raises an exception of its own in its place.
    """

    def __init__(
        self,
        images: Images,
        augmentation: Augmentation,
        training: Training,
        pack_labels: Callable[[Mapping[str, Any]], Any],
        seed: int,
        trial: int,
        soft_classes: Classes | None = None,
        fold: int = 0,
        outputs: Mapping[str, Output] | None = None,
        class_weights: Mapping[str, npt.NDArray[np.float32]] | None = None,
        standardization: Standardization | None = None,
    ) -> None:
        super().__init__()
        check_augmentation(training, holds_images=standardization is None)
        self._images = images
        self._augmentation = BatchAugmentation(augmentation, training, outputs or {})
        self._batch_size = min(training.batch_size, len(images))
        self._pack_labels = pack_labels
        self._seed, self._trial = seed, trial
        self._soft_classes = soft_classes
        self._fold = fold
        self._outputs = outputs or {}
        self._class_weights = class_weights
        self._standardization = standardization
        self.fault: EnvironmentFault | None = None
        self.set_epoch(0)

    def set_epoch(self, epoch: int) -> None:
        """Select the batches of an epoch, from 0.

        A callback must call it, because Keras does not pass the epoch to ``PyDataset.on_epoch_begin``.
        """
        order = make_generator(self._seed, self._trial, make_fold_purpose("order", self._fold), epoch).permutation(
            len(self._images)
        )
        # A single assignment, because Keras may fetch batches in another thread (also of the next epoch, which it
        # then discards).
        self._epoch = (epoch, order)

    @property
    def num_batches(self) -> int:
        """Number of batches of an epoch."""
        return steps_per_epoch(len(self._images), self._batch_size)

    def first_of_each_size(self) -> dict[int, int]:
        """Return size of a batch → index of the first batch of that size; the last batch may be smaller."""
        rest = len(self._images) % self._batch_size
        return {self._batch_size: 0, **({rest: self.num_batches - 1} if rest else {})}

    @np.errstate(all="ignore")  # a problem file may have made NumPy raise, e.g. where a probability underflows
    def __getitem__(self, index: int) -> tuple[Any, ...]:
        epoch, order = self._epoch
        rows = order[index * self._batch_size : (index + 1) * self._batch_size]

        def rng(purpose: str) -> np.random.Generator:
            step = epoch * self.num_batches + index
            return make_generator(self._seed, self._trial, make_fold_purpose(purpose, self._fold), step)

        try:
            images, targets = self._inputs(rows, epoch, rng)
        except EnvironmentFault as fault:
            self.fault = fault
            raise
        labels = self._encode(targets)
        if self._soft_classes is not None:
            images, labels = self._augmentation.mix(images, labels, rng("mixup"))
        if self._class_weights is None:
            return images, self._pack_labels(labels)
        weights = {head: self._weights_of(head, values) for head, values in labels.items()}
        return images, self._pack_labels(labels), self._pack_labels(weights)

    def _inputs(
        self,
        rows: npt.NDArray[np.int64],
        epoch: int,  # noqa: ARG002 - for features, of which epochs take turns
        rng: Callable[[str], np.random.Generator],
    ) -> tuple[npt.NDArray[np.float32], Mapping[str, Any]]:
        """Return a batch as the network takes it, and its targets.

        Raises:
            EnvironmentFault: the images cannot be read.
        """
        pixels, targets = read_images(self._images, rows)
        if self._standardization is None:
            pixels, targets = self._augmentation.vary(pixels, targets, rng("augment"))
            inputs = scale(pixels)
        else:
            signals, kind = self._standardization.apply(pixels), self._augmentation.augmentation
            inputs = augment_signals(signals, kind, rng("augment"))
        return self._augmentation.cover(inputs, rng("cutout")), targets

    def _weights_of(self, head: str, labels: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
        """Return the weight of each image in the loss of a head, ``(n,)``; of mixed labels the weighted mean."""
        assert self._class_weights is not None
        weights = self._class_weights.get(head)
        if weights is None:
            return np.ones(len(labels), np.float32)
        return weights[labels] if labels.ndim == 1 else labels @ weights

    def _encode(self, targets: Mapping[str, Any]) -> dict[str, Any]:
        """Return the targets as the model is trained on them; class indices unless it expects probabilities."""
        encoded = dict(targets)
        for head, output in (self._outputs or as_outputs(self._soft_classes or {})).items():
            if self._soft_classes is not None or not isinstance(output, ClassOutput):
                encoded[head] = output.encode(targets[head])
        return encoded


@contextlib.contextmanager
def faults_of(batches: Iterable[TrainingBatches]) -> Iterator[None]:
    """Raise the fault of batches that could not be read in the place of the backend's exception.

    Raises:
        EnvironmentFault: a batch could not be read.
    """
    try:
        yield
    except Exception as error:  # a backend may wrap the fault in an error of its own
        fault = next((each.fault for each in batches if each.fault is not None), None)
        if fault is None or error is fault:
            raise
        raise fault from error


class Validation:
    """Prediction on the whole validation split in batches of equal size, so that Keras traces the graph once.

    Args:
        images: validation images.
        heads: names of the heads, the first head first.
        batch_size: batch size of the training; validation batches may be larger.
        outputs: head → output; None where every head has classes.
        standardization: that of signals; None for images.

    Attributes:
        labels: head → targets ``(n, …)``.
        outputs: head → output, or None.
    """

    def __init__(
        self,
        images: Images,
        heads: list[str],
        batch_size: int,
        outputs: Mapping[str, Output] | None = None,
        standardization: Standardization | None = None,
    ) -> None:
        self._standardization = standardization
        self.outputs = outputs
        self._images = images
        self._heads = heads
        count = len(images)
        batches = -(-count // max(batch_size, _MIN_VALIDATION_BATCH))
        size = -(-count // batches)
        # The last batch is filled up with the first images; their predictions are dropped.
        self._rows = np.resize(np.arange(count), (batches, size))
        self.labels = {head: np.asarray(images.labels[head]) for head in heads}

    @property
    def batch_size(self) -> int:
        """Number of images of every batch."""
        return self._rows.shape[1]

    def predict_first_batch(self, model: keras.Model) -> None:
        """Predict the first batch and drop its predictions."""
        model.predict_on_batch(self._read(self._rows[0]))

    def _read(self, rows: npt.ArrayLike) -> npt.NDArray[np.float32]:
        return scale_inputs(read_images(self._images, rows)[0], self._standardization)

    def predict(self, model: keras.Model) -> dict[str, Probabilities]:
        """Return head → predictions of all images, in their order; see ``Output.decode``."""
        batches = [outputs_by_head(model.predict_on_batch(self._read(rows)), self._heads) for rows in self._rows]
        joined = {head: np.concatenate([np.asarray(batch[head]) for batch in batches]) for head in batches[0]}
        decode = {head: output.decode for head, output in (self.outputs or {}).items()}
        return {
            head: decode.get(head, as_probabilities)(values[: len(self._images)]) for head, values in joined.items()
        }
