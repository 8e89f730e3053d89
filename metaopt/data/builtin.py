"""Built-in data sets: the digits of scikit-learn, and data sets that Keras downloads."""

import importlib
import os
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from typing import Any

import numpy as np

from metaopt.data import class_names
from metaopt.data.arrays import LabelledArrays, add_channel_axis, from_arrays
from metaopt.data.unsplit import UnsplitData
from metaopt.errors import UserError
from metaopt.outputs import class_outputs
from metaopt.quantities import ImageSize
from metaopt.terminal.suppressed_stderr import suppressed_stderr

NAMES = ("cifar100", "cifar10", "mnist", "fashion_mnist", "digits")

CLASS_NAMES = {
    "cifar100": {"fine": class_names.CIFAR100_FINE, "coarse": class_names.CIFAR100_COARSE},
    "cifar10": {"label": class_names.CIFAR10},
    "mnist": {"label": class_names.DIGITS},
    "fashion_mnist": {"label": class_names.FASHION_MNIST},
    "digits": {"label": class_names.DIGITS},
}

DOWNLOAD_STALL_S = 20.0
"""Seconds without received data after which a download fails."""


def load_builtin(name: str, size: ImageSize | None) -> UnsplitData:
    """Load one of ``NAMES``, resized to a size; None keeps their own.

    Raises:
        UserError: the data set is not on disk and cannot be downloaded.
    """
    train, test = (_load_digits(), None) if name == "digits" else _load_from_keras(name)
    return from_arrays(name, train, test, class_outputs(CLASS_NAMES[name]), size, notes=[])


def cifar100_is_on_disk() -> bool:
    """Return whether Keras has downloaded and unpacked CIFAR-100, without importing Keras, which takes seconds."""
    unpacked = keras_folder() / "cifar-100-python-target" / "cifar-100-python"
    archive = keras_folder() / "cifar-100-python-target_archive"  # Keras checks its hash whenever it loads the data
    return archive.exists() and all((unpacked / file).exists() for file in ("train", "test"))


def keras_folder() -> Path:
    """Return the folder into which Keras downloads data sets."""
    return Path(os.environ.get("KERAS_HOME", "~/.keras")).expanduser() / "datasets"


def fetch(name: str) -> list[Any]:
    """Return the result of ``keras.datasets.<name>.load_data`` for each head; download the data set if needed.

    Raises:
        UserError: the download failed, or the files are damaged.
    """
    # Keras imports its backend: with the settings of metaopt.training.backend, which would come too late afterwards.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
    with suppressed_stderr():
        module = importlib.import_module(f"keras.datasets.{name}")
    try:
        with _socket_timeout(), redirect_stdout(sys.stderr):  # the progress bar of Keras goes to stderr
            if name == "cifar100":
                return [module.load_data(label_mode=head) for head in CLASS_NAMES[name]]
            return [module.load_data()]
    except MemoryError:
        raise
    except Exception as error:  # Keras raises bare Exceptions, and a damaged file may raise any type
        raise UserError(
            f"Data set {name} is not on disk (in {keras_folder()}) and cannot be downloaded: {error}. Connect to the"
            " network, or set data to digits, a folder, or a .npz file.",
            "data",
        ) from error


def _load_digits() -> LabelledArrays:
    """Load the 1797 digits of scikit-learn, of 8×8 pixels; their values 0..16 are scaled to 0..255."""
    from sklearn.datasets import load_digits

    bunch = load_digits()
    images = np.rint(bunch.images * (255 / 16)).astype(np.uint8)
    return images[..., None], {"label": bunch.target.astype(np.int32)}


def _load_from_keras(name: str) -> tuple[LabelledArrays, LabelledArrays]:
    """Load the training and the test split of a data set of Keras."""
    loaded = fetch(name)
    heads = list(CLASS_NAMES[name])
    splits = []
    for split in range(2):
        images = loaded[0][split][0]
        if images.ndim == 4 and images.shape[1] == 3:  # Keras is configured for channels_first
            images = images.transpose(0, 2, 3, 1)
        labels = {head: loaded[i][split][1].ravel().astype(np.int32) for i, head in enumerate(heads)}
        splits.append((np.ascontiguousarray(add_channel_axis(images, name)), labels))
    return splits[0], splits[1]


@contextmanager
def _socket_timeout() -> Iterator[None]:
    """Set a timeout for sockets, because the downloads of Keras have none."""
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(DOWNLOAD_STALL_S)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)
