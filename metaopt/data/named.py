"""The data sets that are called by name: scikit-learn's digits, and those that Keras downloads."""

import importlib
import os
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from typing import Any

import numpy as np

from metaopt.data import names
from metaopt.data.arrays import array_source, with_channels
from metaopt.data.images import ImageArray, LabelArray
from metaopt.data.source import Source
from metaopt.errors import UserError

NAMES = ("cifar100", "cifar10", "mnist", "fashion_mnist", "digits")

CLASS_NAMES = {
    "cifar100": {"fine": names.CIFAR100_FINE, "coarse": names.CIFAR100_COARSE},
    "cifar10": {"label": names.CIFAR10},
    "mnist": {"label": names.DIGITS},
    "fashion_mnist": {"label": names.FASHION},
    "digits": {"label": names.DIGITS},
}

STALL_LIMIT = 20.0
"""Seconds without a byte after which a download is given up."""

_Part = tuple[ImageArray, dict[str, LabelArray]]


def named_source(name: str, size: int | None) -> Source:
    """One of ``NAMES``.

    Raises:
        UserError: it is not on disk and cannot be downloaded.
    """
    train, test = (_digits(), None) if name == "digits" else _from_keras(name)
    return array_source(name, train, test, CLASS_NAMES[name], size, notes=[])


def cifar100_is_on_disk() -> bool:
    """Whether Keras has CIFAR-100 downloaded and unpacked; told without importing Keras, which takes seconds."""
    unpacked = keras_folder() / "cifar-100-python-target" / "cifar-100-python"
    archive = keras_folder() / "cifar-100-python-target_archive"  # Keras checks its hash at each loading
    return archive.exists() and all((unpacked / part).exists() for part in ("train", "test"))


def keras_folder() -> Path:
    """Where Keras keeps what it has downloaded."""
    return Path(os.environ.get("KERAS_HOME", "~/.keras")).expanduser() / "datasets"


def fetch(name: str) -> list[Any]:
    """What ``keras.datasets.<name>.load_data`` returns for each head, downloaded where it is not on disk.

    Raises:
        UserError: that failed.
    """
    module = importlib.import_module(f"keras.datasets.{name}")
    try:
        with _no_stalling(), redirect_stdout(sys.stderr):  # where Keras' progress bar belongs
            if name == "cifar100":
                return [module.load_data(label_mode=head) for head in CLASS_NAMES[name]]
            return [module.load_data()]
    except MemoryError:
        raise
    except Exception as error:  # Keras raises bare Exceptions, and a damaged file anything
        raise UserError(
            f"--data {name} is not on disk (in {keras_folder()}) and cannot be downloaded ({error}); connect to the "
            "network, or give --data digits, a folder or a .npz."
        ) from error


def _digits() -> _Part:
    """The 1797 digits of 8×8 pixels that scikit-learn brings; their values 0..16 are spread over 0..255."""
    from sklearn.datasets import load_digits

    bunch = load_digits()
    images = np.rint(bunch.images * (255 / 16)).astype(np.uint8)
    return images[..., None], {"label": bunch.target.astype(np.int32)}


def _from_keras(name: str) -> tuple[_Part, _Part]:
    loaded = fetch(name)
    heads = list(CLASS_NAMES[name])
    parts = []
    for part in range(2):
        images = loaded[0][part][0]
        if images.ndim == 4 and images.shape[1] == 3:  # a Keras that is set to channels_first
            images = images.transpose(0, 2, 3, 1)
        labels = {head: loaded[i][part][1].ravel().astype(np.int32) for i, head in enumerate(heads)}
        parts.append((np.ascontiguousarray(with_channels(images, name)), labels))
    return parts[0], parts[1]


@contextmanager
def _no_stalling() -> Iterator[None]:
    """Lets sockets give up: Keras' downloads have no timeout of their own."""
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(STALL_LIMIT)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)
