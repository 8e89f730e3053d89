"""TensorBoard log of a final training, read back."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.training.events import read_events, read_values

pytestmark = pytest.mark.slow  # trains with Keras


def make_model() -> Any:
    import keras

    inputs = keras.Input((4,))
    x = keras.layers.Dense(3, name="first")(inputs)
    outputs = keras.layers.Add(name="sum")([x, keras.layers.Dense(3, name="second")(x)])
    return keras.Model(inputs, outputs)


def read_graph(folder: Path) -> dict[str, Any]:
    from tensorboard.compat.proto.graph_pb2 import GraphDef

    (graph,) = (GraphDef.FromString(event.graph_def) for event in read_events(folder) if event.graph_def)
    return {node.name: node for node in graph.node}


def test_log_has_graph_curves_rates_and_weights(tmp_path: Path) -> None:
    import keras

    from metaopt.training.training_log import TrainingLog

    model = make_model()
    model.compile(keras.optimizers.SGD(keras.optimizers.schedules.PiecewiseConstantDecay([2], [0.5, 0.25])), "mse")
    before = model.get_weights()[0]
    images = np.random.default_rng(0).random((4, 4))
    done = model.fit(images, images[:, :3], 2, epochs=2, shuffle=False, verbose=0, callbacks=[TrainingLog(tmp_path, 2)])
    values = read_values(tmp_path)
    assert [values["scalars", "epoch_loss", step] for step in (1, 2)] == pytest.approx(done.history["loss"])
    assert [values["scalars", "epoch_learning_rate", step] for step in (1, 2)] == [0.5, 0.5]
    for step, weights in ((0, before), (2, model.get_weights()[0])):
        buckets = values["histograms", "first/kernel", step]
        assert buckets[:, 2].sum() == 12
        assert (buckets[0, 0], buckets[-1, 1]) == (weights.min(), weights.max())
    nodes = read_graph(tmp_path)
    assert list(nodes["sum"].input) == ["first", "second"]
    assert list(nodes["second"].input) == ["first"]
    assert (nodes["first"].op, nodes["first"].attr["parameters"].i) == ("Dense", 15)
    assert [dim.size for dim in nodes["sum"].attr["_output_shapes"].list.shape[0].dim] == [-1, 3]


def test_weights_of_a_long_training_are_written_twenty_times(tmp_path: Path) -> None:
    from metaopt.training.training_log import TrainingLog

    log = TrainingLog(tmp_path, 50)
    model = make_model()
    model.compile("sgd", "mse")
    log.set_model(model)
    log.on_train_begin()
    for epoch in range(50):
        log.on_epoch_begin(epoch)
        log.on_epoch_end(epoch, {"loss": 1.0})
    log.on_train_end()
    steps = [step for plugin, tag, step in read_values(tmp_path) if (plugin, tag) == ("histograms", "first/kernel")]
    assert steps == [0, *range(3, 50, 3), 50]


def test_models_of_every_kind_have_a_graph() -> None:
    import keras

    from metaopt.training.training_log import make_graph

    sequential = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3, name="a"), keras.layers.Dense(2, name="b")])
    nodes = {node.name: node for node in make_graph(sequential).node}
    assert list(nodes["b"].input) == ["a"]

    class Own(keras.Model):
        def __init__(self) -> None:
            super().__init__(name="own")
            self.dense = keras.layers.Dense(2)

        def call(self, inputs: Any) -> Any:
            return self.dense(inputs)

    own = Own()
    own(np.zeros((1, 4)))
    (node,) = make_graph(own).node
    assert (node.name, node.op, node.attr["parameters"].i) == ("own", "Own", 10)
