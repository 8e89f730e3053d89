"""TensorBoard log of a final training: curves, learning rate, weights and graph after each epoch."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import keras
import numpy as np

from metaopt.training.event_file import EventFile

_HISTOGRAMS = 20  # of each weight in a training; more would cost time and disk, and show little more


class TrainingLog(keras.callbacks.Callback):
    """Keras callback that writes a TensorBoard log, outside the measured seconds of the epochs.

    Args:
        folder: folder of the log.
        epochs: number of epochs of the training.
    """

    def __init__(self, folder: Path, epochs: int) -> None:
        super().__init__()
        self._folder = folder
        self._interval = -(-epochs // _HISTOGRAMS)
        self._epochs = epochs
        self._rate = 0.0

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:  # noqa: ARG002
        """Write the graph and the initial weights."""
        self._file = EventFile(self._folder)
        self._file.graph(make_graph(self.model))
        self._write_weights(0)

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:  # noqa: ARG002
        """Read the learning rate of the first step."""
        self._rate = float(keras.ops.convert_to_numpy(self.model.optimizer.learning_rate))

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Write the curves, and every few epochs the weights."""
        curves = {f"epoch_{name}": float(value) for name, value in (logs or {}).items()}
        self._file.scalars({**curves, "epoch_learning_rate": self._rate}, epoch + 1)
        if (epoch + 1) % self._interval == 0 or epoch + 1 == self._epochs:
            self._write_weights(epoch + 1)
        self._file.flush()

    def on_train_end(self, logs: dict[str, Any] | None = None) -> None:  # noqa: ARG002
        """Close the file."""
        self._file.__exit__()

    def _write_weights(self, step: int) -> None:
        weights = {each.path: np.asarray(each.numpy(), np.float64) for each in self.model.weights}
        self._file.histograms(weights, step)


def make_graph(model: keras.Model) -> Any:
    """Return the layers of a model as a ``GraphDef``, with their output shapes and numbers of parameters.

    A subclassed model is one node, because only calling it tells which layers follow each other.
    """
    from tensorboard.compat.proto.attr_value_pb2 import AttrValue
    from tensorboard.compat.proto.graph_pb2 import GraphDef
    from tensorboard.compat.proto.node_def_pb2 import NodeDef
    from tensorboard.compat.proto.tensor_shape_pb2 import TensorShapeProto

    def shape_of(tensor: Any) -> Any:
        sizes = [-1 if size is None else int(size) for size in tensor.shape]
        return TensorShapeProto(dim=[TensorShapeProto.Dim(size=size) for size in sizes])

    nodes = []
    for operation, sources, outputs in _find_connections(model):
        parameters = operation.count_params() if isinstance(operation, keras.layers.Layer) else 0
        shapes = AttrValue.ListValue(shape=[shape_of(each) for each in outputs])
        attributes = {"_output_shapes": AttrValue(list=shapes), "parameters": AttrValue(i=parameters)}
        nodes.append(NodeDef(name=operation.name, op=type(operation).__name__, input=sources, attr=attributes))
    return GraphDef(node=nodes)


def _find_connections(model: keras.Model) -> Iterable[tuple[Any, list[str], list[Any]]]:
    """Yield each layer or operation of a model with the names of those before it, and its outputs."""
    if isinstance(model, keras.Sequential):
        model = getattr(model, "_functional", None) or model
    operations = getattr(model, "operations", None)
    if operations is None:
        yield model, [], []
        return
    inside = {id(each) for each in operations}
    for operation in operations:
        sources: dict[str, None] = {}
        for node in operation._inbound_nodes:  # Keras has no public name for the calls of a layer
            parents = [parent.operation for parent in node.parent_nodes]
            sources |= dict.fromkeys(each.name for each in parents if id(each) in inside)
        yield operation, list(sources), keras.tree.flatten(operation.output)
