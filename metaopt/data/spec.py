"""Which data set a study uses, and how its images are prepared."""

import difflib
import subprocess
import sys
from dataclasses import dataclass, replace
from pathlib import Path

from metaopt.data.augment import KINDS
from metaopt.data.named import NAMES, cifar100_is_on_disk
from metaopt.errors import UserError

DOWNLOAD_LIMIT = 300
"""Seconds that ``auto`` waits for CIFAR-100 (169 MB) before it takes the digits; a name that was given waits longer."""


@dataclass(frozen=True)
class DataSpec:
    """What a user chose; picklable, so that each worker loads its own.

    Attributes:
        data: ``auto``, a data set's name, a folder of class folders, or a ``.npz`` file.
        image_size: the side of the square that images are cut and resized to, in pixels; None for the data's own.
        augment: ``auto``, ``none``, ``flip``, ``shift``, ``flip+shift`` or ``flip+shift+colour``.
        cache: the directory for decoded pictures of folders, made where needed; None for a temporary one.

    Raises:
        UserError: the image size or the augmentation is none of these.
    """

    data: str = "auto"
    image_size: int | None = None
    augment: str = "auto"
    cache: str | None = None

    def __post_init__(self) -> None:
        if self.image_size is not None and self.image_size < 1:
            raise UserError(f"--image-size is {self.image_size}, but must be at least 1 pixel.")
        known = ("auto", *KINDS)
        if self.augment not in known:
            raise UserError(f"--augment {self.augment} is unknown{_nearest(self.augment, known)}: {', '.join(known)}.")


def resolve(spec: DataSpec, gpu: bool) -> tuple[DataSpec, list[str]]:
    """Makes ``auto`` concrete and paths absolute, so that the answer means the same in every process.

    Args:
        spec: what the user chose.
        gpu: whether this machine has one.

    Returns:
        The concrete spec, and sentences to be said aloud. ``augment`` stays ``auto`` until the images are known, see
        ``DataSet.spec``.

    Raises:
        UserError: the name is unknown, or there is no such folder or file.
    """
    if spec.data == "auto":
        name, reason = _choose(gpu)
        return replace(spec, data=name), [f"--data auto takes {name}: {reason}."]
    if spec.data in NAMES:
        return spec, []
    path = Path(spec.data).expanduser()
    if not path.exists():
        raise UserError(_absent(spec.data, path))
    if path.is_file() and path.suffix.lower() != ".npz":
        raise UserError(f"--data {spec.data} is a file but no .npz; give a folder of class folders or a .npz.")
    return replace(spec, data=str(path.resolve())), []


def _choose(gpu: bool) -> tuple[str, str]:
    """The data set for ``auto``, with the reason."""
    if not gpu:
        return "digits", "there is no GPU, and scikit-learn brings them"
    if cifar100_is_on_disk():
        return "cifar100", "there is a GPU, and CIFAR-100 is on disk"
    failure = _download("cifar100", DOWNLOAD_LIMIT)
    if failure is None:
        return "cifar100", "there is a GPU, and CIFAR-100 was downloaded"
    return "digits", f"there is a GPU, but CIFAR-100 is not on disk and {failure}"


def _download(name: str, seconds: float) -> str | None:
    """Fetches a data set in a process of its own, which can be ended when the time is over; None, or what went wrong.

    Keras' progress bar is seen on our stderr, a backend's chatter and a traceback are not. A download that was cut off
    is found incomplete next time.
    """
    code = (
        f"import sys; sys.path[:] = {sys.path!r}; sys.stderr = sys.stdout; "
        "from metaopt.data.named import fetch; sys.excepthook = lambda *_: None; "
        f"fetch({name!r})"
    )
    command = [sys.executable, "-c", code]
    try:
        done = subprocess.run(command, check=False, stdout=2, stderr=subprocess.DEVNULL, timeout=seconds)
    except subprocess.TimeoutExpired:
        return f"could not be downloaded within {seconds:.0f} seconds"
    return None if done.returncode == 0 else "could not be downloaded"


def _absent(data: str, path: Path) -> str:
    """What to say about a name that is none, or a path where nothing is."""
    looks_like_path = any(mark in data for mark in "./\\~")
    nearest = _nearest(data, ("auto", *NAMES))
    if not looks_like_path or nearest:
        names = ", ".join(("auto", *NAMES))
        return f"--data {data} is unknown{nearest}: give {names}, a folder of class folders, or a .npz file."
    siblings = [entry.name for entry in path.parent.iterdir()] if path.parent.is_dir() else []
    return (
        f"--data {data} does not exist{_nearest(path.name, siblings)}; give a folder of class folders or a .npz file."
    )


def _nearest(word: str, known: tuple[str, ...] | list[str]) -> str:
    matches = difflib.get_close_matches(word.lower(), known, n=1)
    return f" (did you mean {matches[0]}?)" if matches else ""
