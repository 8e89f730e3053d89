"""Images on their way into a network: batches to train on, in each epoch's own order, and to validate with."""

from collections.abc import Callable, Mapping
from typing import Any

import keras
import numpy as np
import numpy.typing as npt

from metaopt.data import Images
from metaopt.data.augment import Augment, augment, cut_out, mix_up
from metaopt.problems.problem import Classes
from metaopt.problems.training_config import Training
from metaopt.randomness import generator, of_fold
from metaopt.training.metrics import Probabilities, as_probabilities

_SMALLEST_VALIDATION_BATCH = 128  # images; forward passes alone need less memory than training steps


def scale(images: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
    """Pixels 0..255 as a network takes them, −0.5..0.5; ``(n, h, w, c)``."""
    scaled = images.astype(np.float32)
    scaled /= 255
    scaled -= 0.5
    return scaled


def layout(output: Any, heads: list[str]) -> Callable[[Mapping[str, Any]], Any]:
    """How labels by head are handed to a model: as its output is, a dict, a list or one array."""
    if isinstance(output, dict):
        return dict
    if isinstance(output, list | tuple):
        return lambda labels: tuple(labels[head] for head in heads)
    return lambda labels: labels[heads[0]]


def by_head(output: Any, heads: list[str]) -> dict[str, Any]:
    """A model's output or prediction, whatever its form, as head → value in the order of the heads."""
    if isinstance(output, dict):
        return {head: output[head] for head in heads}
    values = output if isinstance(output, list | tuple) else [output]
    return dict(zip(heads, values, strict=False))


def steps_per_epoch(count: int, batch_size: int) -> int:
    """Batches of so many images, which are cut to the number of images; the last one may be smaller."""
    return -(-count // min(batch_size, count))


class TrainingBatches(keras.utils.PyDataset):
    """All training images once an epoch.

    Order and augmentation are functions of (seed, trial, fold, epoch), whichever epochs this process trained before and
    in whatever order Keras asks for the batches.

    Args:
        images: what to train on.
        kind: how it is augmented.
        training: its batch size is cut to the number of images, and the last batch of an epoch has the rest; cutout
            and mixup.
        arrange: turns labels by head into what the model takes.
        seed: the study's seed.
        trial: the trial's number.
        soft: head → number of classes if labels are to be given as probabilities, float32 ``(n, classes)``; None for
            the numbers of the classes, ``(n,)``, and then nothing is mixed.
        fold: of cross-validation, from 0.
    """

    def __init__(
        self,
        images: Images,
        kind: Augment,
        training: Training,
        arrange: Callable[[Mapping[str, Any]], Any],
        seed: int,
        trial: int,
        soft: Classes | None = None,
        fold: int = 0,
    ) -> None:
        super().__init__()
        self._images = images
        self._kind = kind
        self._training = training
        self._size = min(training.batch_size, len(images))
        self._arrange = arrange
        self._seed, self._trial = seed, trial
        self._soft = soft
        self._fold = fold
        self.begin(0)

    def begin(self, epoch: int) -> None:
        """From now on the batches are those of that epoch, from 0.

        To be called by a callback: Keras does not tell ``on_epoch_begin`` which epoch it is.
        """
        order = generator(self._seed, self._trial, of_fold("order", self._fold), epoch).permutation(len(self._images))
        # At once, for Keras may fetch batches in another thread (of the next epoch, which it then drops).
        self._epoch = (epoch, order)

    @property
    def num_batches(self) -> int:
        """Steps in an epoch."""
        return steps_per_epoch(len(self._images), self._size)

    def __getitem__(self, index: int) -> tuple[npt.NDArray[np.float32], Any]:
        epoch, order = self._epoch
        pixels, numbers = self._images.batch(order[index * self._size : (index + 1) * self._size])

        def rng(purpose: str) -> np.random.Generator:
            step = epoch * self.num_batches + index
            return generator(self._seed, self._trial, of_fold(purpose, self._fold), step)

        images = scale(augment(pixels, self._kind, rng("augment")))
        images = cut_out(images, self._training.cutout, rng("cutout"))
        labels: Mapping[str, Any] = numbers
        if self._soft is not None:
            labels = {head: np.eye(count, dtype=np.float32)[numbers[head]] for head, count in self._soft.items()}
            images, labels = mix_up(images, labels, self._training.mixup, rng("mixup"))
        return images, self._arrange(labels)


class Validation:
    """The whole validation set through a network, in batches of one size, so that Keras traces once.

    Args:
        images: the validation set.
        heads: the first head first.
        batch_size: the training's.
    """

    def __init__(self, images: Images, heads: list[str], batch_size: int) -> None:
        self._images = images
        self._heads = heads
        count = len(images)
        batches = -(-count // max(batch_size, _SMALLEST_VALIDATION_BATCH))
        size = -(-count // batches)
        # The last batch is filled up with images of the first; their predictions are cut off again.
        self._rows = np.resize(np.arange(count), (batches, size))
        self.labels = {head: np.asarray(images.labels[head]) for head in heads}

    def predict(self, model: keras.Model) -> dict[str, Probabilities]:
        """Head → probabilities ``(n, classes)`` of all images, in their order."""
        parts = [
            by_head(model.predict_on_batch(scale(self._images.batch(rows)[0])), self._heads) for rows in self._rows
        ]
        joined = {head: np.concatenate([np.asarray(part[head]) for part in parts]) for head in parts[0]}
        return {head: as_probabilities(values[: len(self._images)]) for head, values in joined.items()}
