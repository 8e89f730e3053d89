"""Reader of images or signals, and targets, in the arrays of a ``.npz`` file."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from metaopt.data.arrays import LabelledArrays, add_channel_axis, find_pixel_scale, from_arrays, note_dark, to_uint8
from metaopt.data.images import LabelArray
from metaopt.data.labels import check_known, check_labels, count_classes
from metaopt.data.npz_archive import NpzArchive
from metaopt.data.signal_arrays import IMAGE, INPUT, SIGNAL, VOLUME, from_signals, infer_input, to_signals
from metaopt.data.target_kinds import (
    LEFT_OUT,
    check_binary,
    check_numbers,
    check_occurring,
    check_varying,
    infer_kind,
    refuse_one_hot,
)
from metaopt.data.unsplit import UnsplitData
from metaopt.errors import Note, UserError
from metaopt.outputs import ClassOutput, ImageOutput, LabelOutput, NumberOutput, Output
from metaopt.quantities import ImageSize


@dataclass(frozen=True)
class NpzReader:
    """Reader of the arrays of an open archive.

    Attributes:
        archive: the archive.
        path: its file.
        suffixes: head → suffix of the names of its arrays, the first head first.
        kinds: head → kind of its targets, as far as it is known.
    """

    archive: NpzArchive
    path: Path
    suffixes: dict[str, str]
    kinds: dict[str, str]

    def read(self, size: ImageSize | None) -> UnsplitData:
        """Read images or signals, targets and class names of both splits."""
        values = self._array("x_train")
        if (kind := self._input_of(values)) != IMAGE:
            return self._read_signals(values, size, kind)
        images = add_channel_axis(values, self._where("x_train"))
        scale, notes = find_pixel_scale(images, self._where("x_train"))
        notes += self._find_kinds()
        train = self._split("train", images, scale)
        notes += (dark := note_dark(train[0], self._where("x_train")))
        outputs = {head: self._output(head, train[1][head]) for head in self.suffixes}
        test, test_notes = self._test_split(images, scale, outputs)
        if test is not None and not dark:
            test_notes += note_dark(test[0], self._where("x_test"))
        return from_arrays(self.path.name, train, test, outputs, size, notes + test_notes)

    def _input_of(self, values: npt.NDArray[Any]) -> str:
        """Return what ``x_train`` holds: what the array ``input`` says, else what its shape tells.

        Raises:
            UserError: The array says something else.
        """
        if INPUT not in self.archive.names:
            return infer_input(values)
        declared = str(self._array(INPUT).ravel()[0]) if self._array(INPUT).size else ""
        if declared not in (SIGNAL, IMAGE, VOLUME):
            expected = f"Expected {SIGNAL}, {IMAGE} or {VOLUME}."
            raise UserError(f"Invalid value of {self._where(INPUT)}: {declared}. {expected}")
        return declared

    def _read_signals(self, values: npt.NDArray[Any], size: ImageSize | None, kind: str) -> UnsplitData:
        """Read signals or volumes of both splits, with their targets."""
        where = self._where("x_train")
        signals = to_signals(values, where, kind)
        _, *sides, channels = signals.shape
        positions = "×".join(f"{side:,}" for side in sides)
        what = f"{positions} positions and {channels} channel{'s'[: channels > 1]}"
        notes = [f"The array {where}, of shape {values.shape}, is read as {kind}s of {what}."]
        if kind == SIGNAL and INPUT not in self.archive.names:
            remedy = (
                f"add the array {INPUT}={IMAGE!r} to the file"
                if values.ndim == 3
                else "reshape it to (n, height, width)"
            )
            notes[0] += f" If it holds grey images, {remedy}."
        notes += self._find_kinds()
        for head, target in self.kinds.items():
            if target == "image":
                raise UserError(
                    f"Target {head} holds images, but the inputs are {kind}s. Expected another kind of target."
                )
        train = (signals, {head: self._targets("train", head, signals) for head in self.suffixes})
        outputs = {head: self._output(head, train[1][head]) for head in self.suffixes}
        if "x_test" not in self.archive.names and "y_test" not in self.archive.names:
            return from_signals(self.path.name, train, None, outputs, size, notes)
        held = to_signals(self._array("x_test"), self._where("x_test"), kind)
        if held.shape[1:] != signals.shape[1:]:
            raise UserError(
                f"Invalid {kind} shape of {self._where('x_test')}: {held.shape[1:]}. Expected {signals.shape[1:]} as in"
                " x_train."
            )
        test = (held, {head: self._targets("test", head, held) for head in self.suffixes})
        self._check_test_targets(test[1], outputs)
        return from_signals(self.path.name, train, test, outputs, size, notes)

    def _find_kinds(self) -> list[str]:
        """Infer the kinds that the user did not name; return a note for each head whose kind is not classes."""
        notes: list[str] = []
        for head, suffix in self.suffixes.items():
            name = f"y_train{suffix}"
            if head in self.kinds:
                if self.kinds[head] == LEFT_OUT:
                    raise UserError(f"Invalid target {head}:{LEFT_OUT}. Remove {name} from the file instead.", "target")
                continue
            values = self._array(name)
            self.kinds[head] = infer_kind(values)
            if self.kinds[head] == "labels":
                refuse_one_hot(values, self._where(name), head)
            if self.kinds[head] != "classes":
                text = f"The targets {self._where(name)} are read as {self.kinds[head]}"
                notes.append(Note(f"{text} (set target to {head}:KIND to change this).", "target"))
        return notes

    def _where(self, name: str) -> str:
        return f"{name} in {self.path.name}"

    def _array(self, name: str) -> npt.NDArray[Any]:
        if name not in self.archive.names:
            present = ", ".join(self.archive.names) or "none"
            raise UserError(
                f"Array {name} not found in {self.path.name}. Expected at least x_train and y_train; the arrays found"
                f" are: {present}."
            )
        return self.archive.read(name)

    def _split(self, split: str, images: npt.NDArray[Any], scale: float) -> LabelledArrays:
        targets = {head: self._targets(split, head, images) for head in self.suffixes}
        return to_uint8(images, scale, self._where(f"x_{split}")), targets

    def _targets(self, split: str, head: str, images: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Return the targets of a head, checked."""
        name = f"y_{split}{self.suffixes[head]}"
        values, where = self._array(name), self._where(name)
        match self.kinds[head]:
            case "number":
                return check_numbers(values, len(images), where, self._names(head))
            case "labels":
                return check_binary(values, len(images), where, self._names(head))
            case "image":
                return self._image_targets(split, head, values, images)
            case _:
                return check_labels(values, len(images), where)

    def _image_targets(
        self, split: str, head: str, values: npt.NDArray[Any], images: npt.NDArray[Any]
    ) -> npt.NDArray[np.uint8]:
        """Return image targets, with their mask as a further channel where there is one."""
        suffix = self.suffixes[head]
        where = self._where(f"y_{split}{suffix}")
        pixels = add_channel_axis(values, where)
        if pixels.shape[:3] != images.shape[:3]:
            raise UserError(
                f"Invalid shape of {where}: {values.shape}. Expected {len(images):,} images of"
                f" {images.shape[1]}×{images.shape[2]}, as in x_{split}."
            )
        if pixels.shape[3] not in (1, 3):
            raise UserError(f"Invalid shape of {where}: {values.shape}. Expected 1 or 3 channels.")
        scale, _ = find_pixel_scale(pixels, where)
        pixels = to_uint8(pixels, scale, where)
        if f"m_train{suffix}" not in self.archive.names:
            return pixels
        mask_where = self._where(f"m_{split}{suffix}")
        mask = self._array(f"m_{split}{suffix}")
        mask = mask[..., None] if mask.ndim == 3 else mask
        if mask.shape != (*images.shape[:3], 1):
            raise UserError(
                f"Invalid shape of {mask_where}: {mask.shape[:3] if mask.shape[3:] == (1,) else mask.shape}. Expected"
                f" {images.shape[:3]}, one value for each pixel."
            )
        if not np.isin(mask, (0, 1, 255)).all():
            raise UserError(f"Invalid values in {mask_where}. Expected 1 for pixels that count, and 0 for others.")
        if not mask.any(axis=(1, 2, 3)).all():
            row = int(np.flatnonzero(~mask.any(axis=(1, 2, 3)))[0])
            raise UserError(f"In {mask_where} no pixel of image {row} counts. Leave the image out.")
        return np.concatenate([pixels, np.where(mask > 0, np.uint8(255), np.uint8(0))], axis=3)

    def _test_split(
        self, train_images: npt.NDArray[Any], scale: float, outputs: dict[str, Output]
    ) -> tuple[LabelledArrays | None, list[str]]:
        """Read the test split, or None if there is none, and notes for the user.

        Test images of the type of the training images have their scale.

        Args:
            train_images: ``(n, h, w, c)``.
            scale: factor that scales their pixels to 0..255.
            outputs: head → output.
        """
        if "x_test" not in self.archive.names and "y_test" not in self.archive.names:
            return None, []
        notes: list[str] = []
        where = self._where("x_test")
        images = add_channel_axis(self._array("x_test"), where)
        if images.shape[1:] != train_images.shape[1:]:
            raise UserError(
                f"Invalid image shape of {where}: {images.shape[1:]}. Expected {train_images.shape[1:]} as in x_train."
            )
        if images.dtype != train_images.dtype:
            if np.dtype(bool) in (images.dtype, train_images.dtype):
                raise UserError(
                    f"Invalid type of {where}: {images.dtype}. Expected {train_images.dtype} as in x_train, because a"
                    " bool image and a numeric one may differ in the value of white."
                )
            scale, notes = find_pixel_scale(images, where)
        test = self._split("test", images, scale)
        self._check_test_targets(test[1], outputs)
        return test, notes

    def _check_test_targets(self, targets: Mapping[str, LabelArray], outputs: Mapping[str, Output]) -> None:
        """Check that the targets of the test split fit the outputs.

        Raises:
            UserError: A class is unknown, or a shape differs.
        """
        for head, suffix in self.suffixes.items():
            where, output = self._where(f"y_test{suffix}"), outputs[head]
            if isinstance(output, ClassOutput):
                check_known(targets[head], len(output.names), where)
            else:
                self._check_test_shape(targets[head], output, where)

    def _check_test_shape(self, targets: npt.NDArray[Any], output: Output, where: str) -> None:
        wanted = list(output.shape)
        if isinstance(output, ImageOutput):
            wanted[2] += output.has_mask
        if list(targets.shape[1:]) != wanted:
            shape = tuple(targets.shape[1:])
            raise UserError(f"Invalid shape of {where}: {shape} for an image. Expected {tuple(wanted)} as in y_train.")

    def _output(self, head: str, targets: npt.NDArray[Any]) -> Output:
        """Return the output of a head for its training targets."""
        where = self._where(f"y_train{self.suffixes[head]}")
        kind = self.kinds[head]
        if kind == "classes":
            return ClassOutput(tuple(self._class_names(head, targets)))
        if kind == "image":
            has_mask = f"m_train{self.suffixes[head]}" in self.archive.names
            height, width, channels = targets.shape[1:]
            return ImageOutput((height, width, channels - has_mask), has_mask)
        count = targets.shape[1]
        names = self._names(head) or ([head] if count == 1 else [str(column) for column in range(count)])
        if len(names) != count:
            raise UserError(f"Found {len(names)} names for {count} columns of {where}. Expected one for each.")
        if kind == "labels":
            check_occurring(targets, where, names)
            return LabelOutput(tuple(names))
        check_varying(targets, where, names)
        return NumberOutput(tuple(names))

    def _names(self, head: str) -> list[str]:
        """Return the names of the columns of a head, if the file has them."""
        name = f"classes{self.suffixes[head]}"
        return [str(each) for each in self._array(name).ravel()] if name in self.archive.names else []

    def _class_names(self, head: str, labels: LabelArray) -> list[str]:
        where = self._where(f"y_train{self.suffixes[head]}")
        name = f"classes{self.suffixes[head]}"
        if name not in self.archive.names:
            return [str(label) for label in range(count_classes(labels, where))]
        given = [str(each) for each in self._array(name).ravel()]
        count_classes(labels, where, given)
        return given
