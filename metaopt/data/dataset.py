"""A data set: a source, split into the parts that a search trains on, validates with, and never sees."""

from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from metaopt.data.augment import KINDS, Augment
from metaopt.data.content import contradiction_note, shared_note
from metaopt.data.images import Images, subset
from metaopt.data.source import Source
from metaopt.data.spec import DataSpec
from metaopt.data.split import FOLD_SEED, HELD_OUT, TEST_SEED, VALIDATION_SEED, hold_out, stratified_folds
from metaopt.errors import UserError

Rows = npt.NDArray[np.int64]


class Fold(NamedTuple):
    """What is trained on, and what is validated with."""

    train: Images
    validation: Images


@dataclass(frozen=True, eq=False)
class DataSet:
    """Labelled images in three parts.

    Attributes:
        name: short, for people.
        spec: what it was loaded from, with ``augment`` concrete.
        train: what trials train on.
        validation: what they are compared on.
        class_names: head → names of its classes; the first head is the one that the objective is about.
        input_shape: of one image, ``(h, w, c)``.
        augment: what training does to its images, see ``metaopt.data.augment``.
        fingerprint: of the content of all parts; equal on every machine.
        notes: sentences to be said aloud.
        description: sizes, classes and settings for a study's header; JSON types only.
    """

    name: str
    spec: DataSpec
    train: Images
    validation: Images
    class_names: dict[str, list[str]]
    input_shape: tuple[int, int, int]
    augment: Augment
    fingerprint: str
    notes: list[str]
    description: dict[str, Any]
    _everything: Images = field(repr=False)
    _test: Images = field(repr=False)
    _folds: dict[int, list[Fold]] = field(default_factory=dict, repr=False)

    @property
    def classes(self) -> dict[str, int]:
        """Head → number of its classes."""
        return {head: len(names) for head, names in self.class_names.items()}

    def everything(self) -> Images:
        """Train and validation together, in the source's order: what the final network is trained on."""
        return self._everything

    def folds(self, count: int) -> list[Fold]:
        """Stratified folds of train and validation together; a single one is train and validation as they are.

        They are the same for every trial and every seed of a study. To be called once before anything trains, for what
        it raises.

        Raises:
            UserError: a class has fewer images than there are folds.
        """
        if count not in self._folds:
            self._folds[count] = [Fold(self.train, self.validation)] if count == 1 else self._cut(count)
        return self._folds[count]

    def _cut(self, count: int) -> list[Fold]:
        head, names = next(iter(self.class_names.items()))
        images = self.everything()
        labels = images.labels[head]
        occurring = np.bincount(labels, minlength=len(names))
        rarest = int(occurring.argmin())
        if occurring[rarest] < count:
            few = int(occurring[rarest])
            advice = f"use --folds {few} or fewer" if few > 1 else "leave --folds out"
            raise UserError(
                f"--folds {count} needs at least {count} images of each class, but {names[rarest]} of {self.name} has"
                f" {few} to train on and to validate with: {advice}, add images, or leave the class out."
            )
        pairs = stratified_folds(labels, count, FOLD_SEED)
        return [Fold(subset(images, train), subset(images, held)) for train, held in pairs]

    def test(self) -> Images:
        """The test part, to be touched once, after the search."""
        return self._test


def assemble(source: Source, spec: DataSpec) -> DataSet:
    """Splits a source and says what a user should know.

    Raises:
        UserError: a class has too few images to be in every part.
    """
    head = next(iter(source.class_names))
    labels = source.images.labels[head]
    _check_sizes(source, labels, source.class_names[head])

    rows = np.arange(len(source.images))
    own = source.validation
    if own is not None:
        rows = np.setdiff1d(rows, own)
    notes = list(source.notes)
    test, test_digests = source.test, source.test_digests
    if test is None:
        kept, held = hold_out(labels[rows], HELD_OUT, TEST_SEED)
        test, test_digests, rows = subset(source.images, rows[held]), source.digests[rows[held]], rows[kept]
        notes.append(f"There is no test part, so {len(held):,} images are set aside as one.")
    if own is None:
        kept, held = hold_out(labels[rows], HELD_OUT, VALIDATION_SEED)
        own, rows = rows[held], rows[kept]
    both = np.union1d(rows, own)

    notes += shared_note(test_digests, source.digests[both], "test", "training")
    notes += shared_note(source.digests[own], source.digests[rows], "validation", "training")
    notes += contradiction_note(source.digests, labels)
    augment = _concrete(spec.augment, source.advice)
    parts = {"train": len(rows), "validation": len(own), "test": len(test)}
    return DataSet(
        name=source.name,
        spec=replace(spec, augment=augment),
        train=subset(source.images, rows),
        validation=subset(source.images, own),
        class_names=source.class_names,
        input_shape=source.shape,
        augment=augment,
        fingerprint=source.fingerprint,
        notes=notes,
        description=_describe(source, parts, augment),
        _everything=subset(source.images, both),
        _test=test,
    )


def _concrete(chosen: str, advice: Augment) -> Augment:
    return next((kind for kind in KINDS if kind == chosen), advice)


def _describe(source: Source, parts: dict[str, int], augment: Augment) -> dict[str, Any]:
    return {
        "name": source.name,
        "images": parts,
        "input_shape": list(source.shape),
        "classes": {head: len(names) for head, names in source.class_names.items()},
        "augment": augment,
    }


def _check_sizes(source: Source, labels: npt.NDArray[np.int32], names: list[str]) -> None:
    """Every class needs an image in each part that is still to be cut out, and one to train on."""
    training = labels if source.validation is None else np.delete(labels, source.validation)
    wanted = ["one to train on"]
    wanted += ["one to validate with"] if source.validation is None else []
    wanted += ["one to test with"] if source.test is None else []
    counts = np.bincount(training, minlength=len(names))
    small = np.flatnonzero(counts < len(wanted))
    if len(small):
        count = int(counts[small[0]])
        others = f" (and {len(small) - 1:,} other classes have too few as well)" if len(small) > 1 else ""
        raise UserError(
            f"The class {names[small[0]]} of {source.name} has {count} training {'image' if count == 1 else 'images'}, "
            f"but needs at least {len(wanted)}: {', '.join(wanted)}{others}; add images or leave the class out."
        )
