"""Specification of a data set: where its images come from and how they are prepared."""

import os
import subprocess
import sys
from dataclasses import dataclass, replace
from pathlib import Path

from metaopt.data.augment import AUGMENTATIONS
from metaopt.data.builtin import NAMES, cifar100_is_on_disk
from metaopt.data.target_kinds import parse_targets
from metaopt.errors import Note, UserError, invalid_value, nearest
from metaopt.quantities import IMAGE_SIZE_EXPECTED, ImageSize, parse_image_size

DOWNLOAD_TIMEOUT_S = 300
"""Seconds after which ``auto`` stops downloading CIFAR-100 (169 MB) and selects the digits.

The download of a data set that is requested by name has no such limit.
"""


@dataclass(frozen=True)
class DataSpec:
    """Specification of a data set; picklable, so that each worker loads its own copy.

    Attributes:
        data: ``auto``, the name of a built-in data set, a folder of class folders, or a ``.npz`` file.
        image_size: side in pixels of the square that images are cropped and resized to, or ``HEIGHTxWIDTH``; length in
            positions that signals are cut or padded to; None keeps their own size.
        augment: ``auto``, or one of ``IMAGE_AUGMENTATIONS`` or ``SIGNAL_AUGMENTATIONS``.
        cache: directory for the decoded images of folders, created if needed; None for a temporary one.
        split_seed: seed of the validation split and of the folds; None for the same in every study. The test split
            does not depend on it.
        skip_broken: leave out the image files of a folder that cannot be read, instead of raising an error.
        targets: kinds of targets, e.g. ``("age:number",)``, where the data do not tell them.

    Raises:
        UserError: ``image_size``, ``augment`` or a target is invalid.
    """

    data: str = "auto"
    image_size: ImageSize | None = None
    augment: str = "auto"
    cache: str | None = None
    split_seed: int | None = None
    skip_broken: bool = False
    targets: tuple[str, ...] = ()

    @property
    def kinds(self) -> dict[str, str]:
        """Head → kind of its targets, as far as the user names it."""
        return parse_targets(self.targets)

    def __post_init__(self) -> None:
        if self.image_size is not None:
            try:
                object.__setattr__(self, "image_size", parse_image_size(self.image_size))
            except ValueError:
                raise invalid_value("image_size", self.image_size, IMAGE_SIZE_EXPECTED) from None
        parse_targets(self.targets)
        known = ("auto", *AUGMENTATIONS)
        if self.augment not in known:
            expected = f"{_suggest(self.augment, known)} Expected one of {', '.join(known)}."
            raise invalid_value("augment", self.augment, expected.lstrip())


def resolve(spec: DataSpec, gpu: bool) -> tuple[DataSpec, list[str]]:
    """Replace ``auto`` by a data set and make paths absolute, so that the result is the same in every process.

    Args:
        spec: specification given by the user.
        gpu: whether this machine has a GPU.

    Returns:
        The resolved specification, and notes for the user. ``augment`` stays ``auto`` until the images are loaded, see
        ``DataSet.spec``.

    Raises:
        UserError: the name is unknown, or the folder or file does not exist.
    """
    if spec.data == "auto":
        name, reason = _choose_builtin(gpu)
        return replace(spec, data=name), [Note(f"data auto selects {name}: {reason}.", "data")]
    if spec.data in NAMES:
        return spec, []
    path = Path(spec.data).expanduser()
    if not os.path.exists(path):  # also for a link that leads in a circle
        raise UserError(_describe_missing(spec.data, path), "data")
    if not path.is_dir() and (not path.is_file() or path.suffix.lower() != ".npz"):
        expected = "Expected a folder of class folders or a .npz file, got another file."
        raise invalid_value("data", spec.data, expected)
    return replace(spec, data=str(path.resolve())), []


def _choose_builtin(gpu: bool) -> tuple[str, str]:
    """Return the data set that ``auto`` selects, and the reason."""
    if not gpu:
        return "digits", "no GPU was found, and scikit-learn includes them"
    if cifar100_is_on_disk():
        return "cifar100", "a GPU was found, and CIFAR-100 is on disk"
    failure = _download("cifar100", DOWNLOAD_TIMEOUT_S)
    if failure is None:
        return "cifar100", "a GPU was found, and CIFAR-100 was downloaded"
    return "digits", f"a GPU was found, but CIFAR-100 is not on disk and {failure}"


def _download(name: str, timeout_s: float) -> str | None:
    """Download a data set in a subprocess, which can be killed after a timeout.

    The progress bar of Keras is shown on stderr; backend messages and tracebacks are not. Keras detects an incomplete
    download the next time.

    Returns:
        None, or the reason of the failure.
    """
    code = (
        f"import sys; sys.path[:] = {sys.path!r}; sys.stderr = sys.stdout; "
        "from metaopt.data.builtin import fetch; sys.excepthook = lambda *_: None; "
        f"fetch({name!r})"
    )
    command = [sys.executable, "-c", code]
    try:
        done = subprocess.run(command, check=False, stdout=2, stderr=subprocess.DEVNULL, timeout=timeout_s)
    except subprocess.TimeoutExpired:
        return f"could not be downloaded within {timeout_s:.0f} seconds"
    return None if done.returncode == 0 else "could not be downloaded"


def _describe_missing(data: str, path: Path) -> str:
    """Return the message for an unknown name or a path that does not exist."""
    looks_like_path = any(mark in data for mark in "./\\~")
    names = ("auto", *NAMES)
    siblings = [entry.name for entry in path.parent.iterdir()] if path.parent.is_dir() else []
    name, file = _suggest(data, names), _suggest(path.name, siblings)
    if not looks_like_path or name:
        return (
            f"Invalid value for data: {data}. There is no such data set, folder or file.{name or file} Expected"
            f" {', '.join(names)}, a folder of class folders, or a .npz file."
        )
    return f"Invalid value for data: {data} does not exist.{file} Expected a folder of class folders or a .npz file."


def _suggest(word: str, known: tuple[str, ...] | list[str]) -> str:
    """Return a sentence that suggests the most similar known word; empty if none is similar."""
    near = nearest(word.lower(), known)
    return "" if near is None else f" Did you mean {near}?"
