"""Training and validation batches of features instead of images."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from metaopt.data import DataSet
from metaopt.data.augmentation import BatchAugmentation
from metaopt.data.images import Images
from metaopt.outputs import ImageOutput
from metaopt.problems.training_config import Training
from metaopt.training.batches import TrainingBatches, Validation
from metaopt.training.stages.features import FeatureStore
from metaopt.training.stages.plan import Stage
from metaopt.training.stages.split import Split

Columns = tuple[int, int] | None


class ImageInputs:
    """Inputs of a network that is trained whole: the images.

    Args:
        data: the data set.

    Attributes:
        shape: shape of one input.
    """

    def __init__(self, data: DataSet) -> None:
        self.shape: tuple[int, ...] = data.input_shape

    def batches(self, *arguments: Any, **options: Any) -> TrainingBatches:
        """Return training batches; see ``TrainingBatches`` for the arguments."""
        return TrainingBatches(*arguments, **options)

    def validation(self, *arguments: Any) -> Validation:
        """Return a validation set; see ``Validation`` for the arguments."""
        return Validation(*arguments)

    def prepare(self, epochs: range) -> None:
        """Compute what these epochs need before their seconds count; nothing for images."""


class FeatureInputs(ImageInputs):
    """Inputs of a network whose first part is frozen: the features of this part.

    Args:
        data: the data set.
        split: both parts of the network.
        training: training configuration with the augmentation.
        views: augmented copies of each training image.
    """

    def __init__(self, data: DataSet, split: Split, training: Training, views: int) -> None:
        self.shape = split.trained.inputs[0].shape
        self._store = FeatureStore(data, split.frozen, BatchAugmentation(data.augment, training, {}))
        self._columns = split.columns
        # All copies of an image that nothing changes are the image itself, and image targets would have to move.
        policy = training.augmentation
        is_fixed = data.augment == "none" if policy is None else not policy.without_mixing().strengths
        has_images = any(isinstance(output, ImageOutput) for output in data.outputs.values())
        self._views = 1 if is_fixed or has_images else views

    def batches(self, *arguments: Any, **options: Any) -> TrainingBatches:
        """Return training batches."""
        return FeatureBatches(self._store, self._columns, self._views, *arguments, **options)

    def validation(self, *arguments: Any) -> Validation:
        """Return a validation set."""
        return FeatureValidation(self._store, self._columns, *arguments)

    def prepare(self, epochs: range) -> None:
        """Compute the features that these epochs need."""
        for view in sorted({view_of(epoch, self._views) for epoch in epochs}):
            self._store.prepare(view)


def find_inputs(data: DataSet, stage: Stage) -> ImageInputs:
    """Return the inputs of what a stage trains."""
    return ImageInputs(data) if stage.split is None else FeatureInputs(data, stage.split, stage.training, stage.views)


def view_of(epoch: int, views: int) -> int:
    """Return the number of the copy that an epoch (from 0) trains on, see ``FeatureStore.read``."""
    return 0 if views == 1 else 1 + epoch % views


def _take(features: npt.NDArray[Any], rows: npt.NDArray[np.int64], columns: Columns) -> npt.NDArray[np.float32]:
    chosen = features[rows] if columns is None else features[rows, ..., slice(*columns)]
    return chosen.astype(np.float32)


class FeatureBatches(TrainingBatches):
    """Batches of the features of training images; epochs take turns with the augmented copies.

    Args:
        store: features.
        columns: range of the features' last axis, or None for all.
        views: number of augmented copies; 1 for the images themselves.
        arguments: those of ``TrainingBatches``.
        options: those of ``TrainingBatches``.
    """

    def __init__(self, store: FeatureStore, columns: Columns, views: int, *arguments: Any, **options: Any) -> None:
        self._store, self._columns, self._views = store, columns, views
        super().__init__(*arguments, **options)
        self._positions = store.positions(self._images)

    def _inputs(
        self,
        rows: npt.NDArray[np.int64],
        epoch: int,
        rng: Any,  # noqa: ARG002
    ) -> tuple[npt.NDArray[np.float32], Mapping[str, Any]]:
        """Return the features of a batch and its targets."""
        features = self._store.read(view_of(epoch, self._views))
        targets = {head: values[rows] for head, values in self._images.labels.items()}
        return _take(features, self._positions[rows], self._columns), targets


class FeatureValidation(Validation):
    """Prediction of a validation split from its features.

    Args:
        store: features.
        columns: range of the features' last axis, or None for all.
        images: the validation split.
        arguments: further ones of ``Validation``.
    """

    def __init__(self, store: FeatureStore, columns: Columns, images: Images, *arguments: Any) -> None:
        super().__init__(images, *arguments)
        self._features = store.read(0)
        self._positions = store.positions(images)
        self._columns = columns

    def _read(self, rows: npt.ArrayLike) -> npt.NDArray[np.float32]:
        return _take(self._features, self._positions[np.asarray(rows)], self._columns)
