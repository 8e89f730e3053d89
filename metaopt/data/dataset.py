"""A data set split for training, validation and testing."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from metaopt.data.augment import AUGMENTATIONS, IMAGE_AUGMENTATIONS, SIGNAL_AUGMENTATIONS, Augmentation
from metaopt.data.fingerprint import (
    Digests,
    note_contradicting_labels,
    note_images_across_folds,
    note_shared_images,
)
from metaopt.data.images import Images, subset
from metaopt.data.pixel_range import FULL
from metaopt.data.spec import DataSpec
from metaopt.data.split import (
    CALIBRATION,
    CALIBRATION_SEED,
    CLASS_CALIBRATION,
    FOLD_SEED,
    HELD_OUT,
    TEST_SEED,
    VALIDATION_SEED,
    hold_out,
    repeated_folds,
    split_state,
)
from metaopt.data.standardization import Standardization
from metaopt.data.unsplit import NOUNS, UnsplitData
from metaopt.errors import UserError, invalid_value
from metaopt.outputs import ClassOutput, LabelOutput, Output, describe_classes

Rows = npt.NDArray[np.int64]


class Fold(NamedTuple):
    """Training and validation split of one fold."""

    train: Images
    validation: Images


@dataclass(frozen=True, eq=False)
class DataSet:
    """Labelled images with a training, a validation and a test split.

    Attributes:
        name: short name for display.
        spec: specification it was loaded from, with ``augment`` resolved.
        train: training split.
        validation: validation split, on which trials are compared.
        outputs: head → kind of its targets, fitted to the training split; the objective refers to the first head.
        input_shape: shape of one image, ``(h, w, c)``, or of one signal, ``(length, c)``.
        augment: augmentation of training images, see ``metaopt.data.augment``.
        fingerprint: hash of all images and labels; the same on every machine.
        notes: messages for the user.
        description: sizes, classes and settings for the header of a study; JSON types only.
        pixel_bits: bits that the images with 16-bit pixels use, see ``metaopt.data.pixel_range``.
        standardization: that of signals, fitted to the training split; None for images.
        sample_rate: positions per second of signals, or None.
    """

    name: str
    spec: DataSpec
    train: Images
    validation: Images
    outputs: dict[str, Output]
    input_shape: tuple[int, ...]
    augment: Augmentation
    fingerprint: str
    notes: list[str]
    description: dict[str, Any]
    _everything: Images = field(repr=False)
    _test: Images = field(repr=False)
    pixel_bits: int = FULL
    standardization: Standardization | None = None
    sample_rate: int | None = None
    _digests: Digests | None = field(default=None, repr=False)  # of everything
    _names: tuple[str, ...] = field(default=(), repr=False)  # of everything
    _test_names: tuple[str, ...] = field(default=(), repr=False)
    _is_validation: npt.NDArray[np.bool_] = field(default_factory=lambda: np.zeros(0, bool), repr=False)  # likewise
    _of_validation: tuple[str, ...] = ()  # notes that hold for the validation split only, not for folds
    _folds: dict[tuple[int, int], list[Fold]] = field(default_factory=dict, repr=False)
    _calibration_share: float | None = None  # None for that of the kinds of targets

    @property
    def classes(self) -> dict[str, int | Output]:
        """Argument of ``network``: the number of classes of each head that has classes, and the outputs of others."""
        return {head: output.network_argument for head, output in self.outputs.items()}

    @property
    def noun(self) -> str:
        """Noun for one of them: ``image``, ``signal`` or ``volume``."""
        return NOUNS[len(self.input_shape)]

    @property
    def class_names(self) -> dict[str, list[str]]:
        """Names of the classes of each head that has classes."""
        return {head: list(each.names) for head, each in self.outputs.items() if isinstance(each, ClassOutput)}

    @property
    def first_output(self) -> Output:
        """The output of the first head."""
        return next(iter(self.outputs.values()))

    def everything(self) -> Images:
        """Return training and validation images together, in their original order, for the final training."""
        return self._everything

    def for_retraining(self) -> Images:
        """Return the images of the final training: training and validation images without the calibration split."""
        return self._calibration_fold.train

    def calibration(self) -> Images | None:
        """Return the images on which thresholds are tuned; None if there are none: no labels, no limits on classes."""
        held = self._calibration_fold.validation
        return held if len(held) else None

    def with_calibration(self, share: float = CLASS_CALIBRATION) -> "DataSet":
        """Return the data set with a calibration split of that share of the training and validation images."""
        return replace(self, _calibration_share=share)

    @cached_property
    def _calibration_fold(self) -> Fold:
        images, none = self.everything(), np.zeros(0, np.int64)
        share = self._calibration_share
        if share is None:
            if not any(isinstance(output, LabelOutput) for output in self.outputs.values()):
                return Fold(images, subset(images, none))
            share = CALIBRATION
        head, output = next(iter(self.outputs.items()))
        kept, held = hold_out(output.strata(images.labels[head]), share, CALIBRATION_SEED)
        return Fold(subset(images, kept), subset(images, held))

    def folds(self, count: int, repeats: int = 1) -> list[Fold]:
        """Return stratified folds of the training and validation images; one fold is the two splits themselves.

        The folds are the same for every trial and seed of a study. Call it once before training starts, so that an
        error is raised early.

        Args:
            count: number of folds of one repeat, 1 for none.
            repeats: number of repeats, each with another shuffle.

        Raises:
            UserError: a class has fewer images than there are folds.
        """
        if (count, repeats) not in self._folds:
            one = [Fold(self.train, self.validation)]
            self._folds[count, repeats] = one if count == 1 else self._make_folds(count, repeats)
        return self._folds[count, repeats]

    def notes_on(self, folds: int) -> list[str]:
        """Return the messages for the user of a study with so many folds."""
        if folds == 1 or self._digests is None:
            return self.notes
        others = [note for note in self.notes if note not in self._of_validation]
        return others + note_images_across_folds(self._digests, self.fold_rows(folds), self.noun)

    def fold_rows(self, count: int, repeats: int = 1) -> list[tuple[Rows, Rows]]:
        """Return the indices of the training and the validation images of each fold among all of them.

        Raises:
            UserError: a class has fewer images than there are folds.
        """
        head, output = next(iter(self.outputs.items()))
        labels = output.strata(self.everything().labels[head])
        if not isinstance(output, ClassOutput):
            return self._split_by_strata(labels, count, repeats)
        names = output.names
        counts = np.bincount(labels, minlength=len(names))
        rarest = int(counts.argmin())
        if counts[rarest] < count:
            most = max(1, int(counts[rarest]))
            raise invalid_value(
                "folds",
                count,
                f"Expected at most {most}, because class {names[rarest]} of {self.name} has only {counts[rarest]}"
                f" training and validation {self.noun}s. Use fewer folds, add {self.noun}s, or remove the class.",
            )
        return repeated_folds(labels, count, repeats, split_state(FOLD_SEED, self.spec.split_seed))

    def _split_by_strata(self, strata: Rows, count: int, repeats: int) -> list[tuple[Rows, Rows]]:
        """Return the folds of images without classes, whose groups may be left out of a fold.

        Raises:
            UserError: there are fewer images than folds.
        """
        if len(strata) < count:
            expected = f"Expected at most {len(strata)}, because {self.name} has so many {self.noun}s for folds."
            raise invalid_value("folds", count, expected)
        if np.bincount(strata).min() < count:
            strata = np.zeros_like(strata)
        return repeated_folds(strata, count, repeats, split_state(FOLD_SEED, self.spec.split_seed))

    def _make_folds(self, count: int, repeats: int) -> list[Fold]:
        images, rows = self.everything(), self.fold_rows(count, repeats)
        return [Fold(subset(images, train), subset(images, held)) for train, held in rows]

    def listing(self) -> list[tuple[str, str]]:
        """Return split and name of each image: those of ``everything()``, then those of ``test()``.

        The name is the path within a folder of images; otherwise it is the index, as in ``x_train[12]``.
        """
        splits = ["validation" if each else "training" for each in self._is_validation]
        return [*zip(splits, self._names, strict=True), *(("test", name) for name in self._test_names)]

    def test(self) -> Images:
        """Return the test split, which is used once, after the search."""
        return self._test


def split_data(data: UnsplitData, spec: DataSpec) -> DataSet:
    """Split a data set into training, validation and test images.

    Raises:
        UserError: a class has too few images to occur in every split.
    """
    head, output = next(iter(data.outputs.items()))
    labels = output.strata(data.images.labels[head])
    if isinstance(output, ClassOutput):
        _check_class_sizes(data, labels, output.names)
    else:
        _check_size(data)

    rows = np.arange(len(data.images))
    validation = data.validation
    if validation is not None:
        rows = np.setdiff1d(rows, validation)
    notes = list(data.notes)
    test, test_digests = data.test, data.test_digests
    names = _names(data.names, "x_train", len(data.images))
    test_names = _names(data.test_names, "x_test", 0 if test is None else len(test))
    if test is None:
        kept, held = hold_out(labels[rows], HELD_OUT, TEST_SEED)
        test_names = names[rows[held]]
        test, test_digests, rows = subset(data.images, rows[held]), data.digests[rows[held]], rows[kept]
        share = f"{100 * HELD_OUT:.0f} %"
        notes.append(
            f"No test split found in {data.name}; holding out {len(held):,} {data.noun}s ({share}) for testing."
        )
    if validation is None:
        kept, held = hold_out(labels[rows], HELD_OUT, split_state(VALIDATION_SEED, spec.split_seed))
        validation, rows = rows[held], rows[kept]
    both = np.union1d(rows, validation)

    notes += note_shared_images(test_digests, data.digests[both], "test", "training", data.noun)
    of_validation = note_shared_images(
        data.digests[validation], data.digests[rows], "validation", "training", data.noun
    )
    notes += of_validation
    if isinstance(output, ClassOutput):
        notes += note_contradicting_labels(data.digests, labels, data.noun)
    augment = _resolve_augmentation(spec.augment, data)
    sizes = {"train": len(rows), "validation": len(validation), "test": len(test)}
    return DataSet(
        name=data.name,
        spec=replace(spec, augment=augment),
        train=(train := subset(data.images, rows)),
        validation=subset(data.images, validation),
        outputs={name: each.fitted(data.images.labels[name][rows]) for name, each in data.outputs.items()},
        input_shape=data.shape,
        augment=augment,
        fingerprint=_fingerprint(data.fingerprint, spec.split_seed),
        notes=notes,
        description=_describe(data, sizes, augment),
        _everything=subset(data.images, both),
        _test=test,
        pixel_bits=data.pixel_bits,
        standardization=Standardization.fitted(train) if data.holds_signals else None,
        sample_rate=data.sample_rate,
        _digests=data.digests[both],
        _names=tuple(names[both]),
        _test_names=tuple(test_names),
        _is_validation=np.isin(both, validation),
        _of_validation=tuple(of_validation),
    )


def _names(known: Sequence[str] | None, array: str, count: int) -> npt.NDArray[np.object_]:
    """Return the names of images: those known, or their indices in an array."""
    return np.array([f"{array}[{row}]" for row in range(count)] if known is None else list(known), dtype=object)


def _fingerprint(content: str, split_seed: int | None) -> str:
    """Return the fingerprint of the images and of a split that the user chose."""
    return content if split_seed is None else f"{content}, split seed {split_seed}"


def _resolve_augmentation(chosen: str, data: UnsplitData) -> Augmentation:
    """Return the augmentation, the default one of the data for ``auto``.

    Raises:
        UserError: It is one of images, and the data are signals, or the reverse.
    """
    own: Sequence[Augmentation] = SIGNAL_AUGMENTATIONS if data.holds_signals else IMAGE_AUGMENTATIONS
    if data.noun == "volume":
        own = [each for each in own if "shift" not in each]
    if chosen in AUGMENTATIONS and chosen not in own:
        raise invalid_value("augment", chosen, f"Expected one of {', '.join(own)} for {data.noun}s.")
    return next((each for each in own if each == chosen), data.default_augmentation)


def _describe(data: UnsplitData, sizes: dict[str, int], augment: Augmentation) -> dict[str, Any]:
    return {
        "name": data.name,
        "images": sizes,
        "input_shape": list(data.shape),
        "classes": describe_classes(data.outputs),
        "augment": augment,
    }


def _check_size(data: UnsplitData) -> None:
    """Check that each split that is still to be held out can have an image.

    Raises:
        UserError: there are fewer images.
    """
    n = len(data.images) - (0 if data.validation is None else len(data.validation))
    needed = 1 + (data.validation is None) + (data.test is None)
    if n < needed or not all(map(len, (data.images, *([] if data.test is None else [data.test])))):
        raise UserError(
            f"Too few {data.noun}s in {data.name}: {n}. Expected at least {needed}, one for each of the training,"
            " validation and test splits."
        )


def _check_class_sizes(data: UnsplitData, labels: npt.NDArray[np.int64], names: Sequence[str]) -> None:
    """Check that each class has an image for training and for each split that is still to be held out.

    Raises:
        UserError: a class has fewer images.
    """
    training = labels if data.validation is None else np.delete(labels, data.validation)
    splits = ["training"]
    splits += ["validation"] if data.validation is None else []
    splits += ["testing"] if data.test is None else []
    counts = np.bincount(training, minlength=len(names))
    small = np.flatnonzero(counts < len(splits))
    if len(small):
        others = f" The same holds for {len(small) - 1:,} other classes." if len(small) > 1 else ""
        raise UserError(
            f"Too few {data.noun}s in class {names[small[0]]} of {data.name}: {counts[small[0]]}. Expected at least"
            f" {len(splits)}, one each for {' and '.join(splits)}.{others} Add {data.noun}s or remove the class."
        )
