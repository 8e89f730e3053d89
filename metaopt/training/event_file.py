"""Event file of TensorBoard, written with the package ``tensorboard`` alone.

Keras' own callback needs TensorFlow, whose import takes seconds, and prints to standard error under another backend.
"""

import importlib.util
import itertools
import math
import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from metaopt.values.safe_text import safe_repr

_BUCKETS = 30


def can_log() -> bool:
    """Return whether the package that describes the events is installed."""
    return importlib.util.find_spec("tensorboard") is not None


class EventFile:
    """A new event file, to which events are appended; ``tensorboard --logdir`` shows all files of a folder as one run.

    Args:
        folder: folder of the file, created if needed.
    """

    def __init__(self, folder: Path) -> None:
        from tensorboard.summary.writer.record_writer import RecordWriter

        folder.mkdir(parents=True, exist_ok=True)
        self._records = RecordWriter(_create(folder))
        self._append(file_version="brain.Event:2")

    def __enter__(self) -> "EventFile":
        return self

    def __exit__(self, *_: object) -> None:
        self._records.close()

    def scalars(self, values: Mapping[str, float], step: int = 0) -> None:
        """Append numbers by tag."""
        from tensorboard.plugins.scalar.summary_v2 import scalar_pb

        for tag, value in values.items():
            self._append(summary=scalar_pb(tag, float(value)), step=step)

    def histograms(self, values: Mapping[str, npt.NDArray[Any]], step: int) -> None:
        """Append the distribution of the finite numbers of arrays by tag."""
        from tensorboard.plugins.histogram.metadata import create_summary_metadata

        for tag, array in values.items():
            finite = array[np.isfinite(array)]
            if finite.size:
                self._append_tensor(tag, _count(finite), create_summary_metadata(None, None), step)

    def text(self, tag: str, markdown: str) -> None:
        """Append a text."""
        from tensorboard.plugins.text.summary_v2 import text_pb

        self._append(summary=text_pb(tag, markdown))

    def graph(self, graph: Any) -> None:
        """Append a ``GraphDef``."""
        self._append(graph_def=graph.SerializeToString())

    def hyperparameters(self, values: Mapping[str, Any], metrics: Mapping[str, float]) -> None:
        """Append a run of the HParams dashboard: its hyperparameters, and its metrics, which are also scalars."""
        from tensorboard.plugins.hparams import plugin_data_pb2, summary_v2
        from tensorboard.plugins.hparams.metadata import NULL_TENSOR, SESSION_END_INFO_TAG, create_summary_metadata

        shown = {name: _as_hyperparameter(value) for name, value in values.items()}
        keys = [summary_v2.HParam(name) for name in shown]
        described = [summary_v2.Metric(name, display_name=name) for name in metrics]
        self._append(summary=summary_v2.hparams_config_pb(keys, described))
        self._append(summary=summary_v2.hparams_pb(shown))
        self.scalars(metrics)
        ended = plugin_data_pb2.SessionEndInfo(status="STATUS_SUCCESS", end_time_secs=time.time())
        data = create_summary_metadata(plugin_data_pb2.HParamsPluginData(session_end_info=ended))
        self._append_tensor(SESSION_END_INFO_TAG, NULL_TENSOR, data, 0)

    def flush(self) -> None:
        """Make the events so far readable."""
        self._records.flush()

    def _append_tensor(self, tag: str, tensor: Any, metadata: Any, step: int) -> None:
        from tensorboard.compat.proto.summary_pb2 import Summary
        from tensorboard.util.tensor_util import make_tensor_proto

        proto = make_tensor_proto(tensor) if isinstance(tensor, np.ndarray) else tensor
        self._append(summary=Summary(value=[Summary.Value(tag=tag, metadata=metadata, tensor=proto)]), step=step)

    def _append(self, **content: Any) -> None:
        from tensorboard.compat.proto.event_pb2 import Event

        self._records.write(Event(wall_time=time.time(), **content).SerializeToString())


def flatten_point(point: Any, prefix: str = "") -> dict[str, Any]:
    """Return a nested point as one dict, e.g. ``{"block/filters": 8}``; anything but a dict is a value."""
    if not isinstance(point, Mapping):
        return {prefix or "point": point}
    flat: dict[str, Any] = {}
    for key, value in point.items():
        flat |= flatten_point(value, f"{prefix}/{key}" if prefix else str(key))
    return flat


def _create(folder: Path) -> Any:
    """Create an event file of a new name; the names of TensorFlow's files sort by time as well."""
    for number in itertools.count():
        path = folder / f"events.out.tfevents.{int(time.time())}.metaopt.{os.getpid()}.{number}"
        try:
            return path.open("xb")
        except FileExistsError:
            continue
    raise AssertionError


def _count(values: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    """Return (buckets, 3): left end, right end and count of each bucket."""
    values = values.astype(np.float64).ravel()
    low, high = values.min(), values.max()
    if low == high:
        return np.array([[low, high, values.size]])
    counts, edges = np.histogram(values, _BUCKETS, (low, high))
    return np.stack([edges[:-1], edges[1:], counts.astype(np.float64)], axis=1)


def _as_hyperparameter(value: Any) -> bool | float | str:
    """Return a value of a type that the dashboard knows; anything else as text."""
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, bool | str):
        return value
    if isinstance(value, int | float) and math.isfinite(value):
        return float(value)
    return safe_repr(value)
