"""Reading of event files in tests, with the reader of the package ``tensorboard``, which checks every record."""

from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("tensorboard", reason="reads TensorBoard's event files")


def read_events(folder: Path) -> list[Any]:
    """Return the events of all files of a folder, in their order."""
    from tensorboard.compat.proto.event_pb2 import Event
    from tensorboard.compat.tensorflow_stub.errors import OutOfRangeError
    from tensorboard.compat.tensorflow_stub.pywrap_tensorflow import PyRecordReader_New

    events = []
    for path in sorted(folder.glob("events.out.tfevents.*")):
        reader = PyRecordReader_New(str(path))
        while True:
            try:
                reader.GetNext()
            except OutOfRangeError:
                break
            events.append(Event.FromString(reader.record()))
    return events


def read_values(folder: Path) -> dict[tuple[str, str, int], Any]:
    """Return (plugin, tag, step) → array of each summary."""
    from tensorboard.util.tensor_util import make_ndarray

    return {
        (value.metadata.plugin_data.plugin_name, value.tag, event.step): make_ndarray(value.tensor)
        for event in read_events(folder)
        for value in event.summary.value
    }
