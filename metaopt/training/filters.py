"""Inputs that the filters of convolutions respond to most, found by gradient ascent.

Activation maximisation of Erhan et al. 2009, "Visualizing higher-layer features of a deep network", with the penalty on
the total variation and the jitter of Olah et al. 2017, "Feature visualization" (doi:10.23915/distill.00007), without
which the inputs are noise of high frequency. The inputs of all filters of a layer are the weights of one Keras model,
which ``fit`` improves, so that it runs on every backend.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, NamedTuple

import keras
import numpy as np
import numpy.typing as npt

from metaopt.errors import UserError

STEPS = 128
_RATE = 0.08  # of Adam; the inputs are within −0.5..0.5 after a hyperbolic tangent
_VARIATION = 0.5  # weight of the total variation, against activations in standard deviations
_JITTER = 2  # pixels
_MOST = 64  # filters of a layer

_CONVOLUTIONS = (
    "Conv1D",
    "Conv2D",
    "Conv3D",
    "DepthwiseConv1D",
    "DepthwiseConv2D",
    "SeparableConv1D",
    "SeparableConv2D",
    "Conv1DTranspose",
    "Conv2DTranspose",
    "Conv3DTranspose",
)


@dataclass(frozen=True, eq=False)
class LayerFilters:
    """Inputs for the filters of one convolution.

    Attributes:
        name: name of the layer; of one in a nested model, after the name of that and a slash.
        place: its place among the convolutions of the network, from 0.
        layers: number of the convolutions of the network.
        count: number of its filters.
        filters: indices of the filters that are shown, evenly spaced, ``(k,)``.
        inputs: the input of each, in −0.5..0.5, ``(k, h, w, c)``; of signals standardised, ``(k, length, c)``.
        gain: by how much the response of each rose, in standard deviations of its responses to noise, ``(k,)``.
    """

    name: str
    place: int
    layers: int
    count: int
    filters: npt.NDArray[np.int64]
    inputs: npt.NDArray[np.float32]
    gain: npt.NDArray[np.float32]


class Convolution(NamedTuple):
    """A convolution of a network.

    Attributes:
        name: name of the layer, see ``LayerFilters``.
        layer: the layer.
        inputs: symbolic inputs of the network.
        output: symbolic output of the layer for them.
    """

    name: str
    layer: keras.layers.Layer
    inputs: Any
    output: Any

    @property
    def features(self) -> keras.Model:
        """Model from the inputs of the network to the output of the layer."""
        return keras.Model(self.inputs, self.output)


def find_networks(model: keras.Model) -> list[keras.Model]:
    """Return the trained networks inside an exported model; the model itself where it has none."""
    found = [layer for layer in model.layers if isinstance(layer, keras.Model)]
    return found or [model]


def find_convolutions(network: keras.Model) -> list[Convolution]:
    """Return the convolutions of a network, in the order of its layers; those of a backbone in it, too.

    Raises:
        UserError: It has none, or its layers are not connected as a graph.
    """
    inputs, outputs = _trace(network)
    if not outputs:
        raise UserError("The model has no convolution.")
    return [Convolution(name, layer, inputs, output) for name, layer, output in outputs]


def _trace(network: keras.Model) -> tuple[Any, list[tuple[str, keras.layers.Layer, Any]]]:
    """Return inputs of a network, and name, layer and output of each convolution for them.

    The network is called once more, layer by layer, as a nested model does not know what it is called with.
    """
    if not hasattr(network, "operations") and not isinstance(network, keras.Sequential):  # of functional models only
        raise UserError(f"{network.name} is a subclassed model, whose layers are not connected as a graph.")
    found: dict[str, list[tuple[str, keras.layers.Layer, Any]]] = {}

    def call(layer: keras.layers.Layer, *arguments: Any, **options: Any) -> Any:
        output = layer(*arguments, **options)
        if isinstance(layer, keras.Model):
            inputs, inner = _trace(layer)
            outputs = keras.Model(inputs, [each for *_, each in inner])(*arguments) if inner else []
            names = [(f"{layer.name}/{name}", one) for name, one, _ in inner]
            found.setdefault(layer.name, [(*each, one) for each, one in zip(names, outputs, strict=True)])
        elif type(layer).__name__ in _CONVOLUTIONS:
            found.setdefault(layer.name, [(layer.name, layer, output)])
        return output

    if isinstance(network, keras.Sequential):
        inputs = x = keras.Input(batch_shape=network.inputs[0].shape, dtype=network.inputs[0].dtype)
        for layer in network.layers:
            x = call(layer, x)
    else:
        inputs = keras.models.clone_model(network, clone_function=lambda layer: layer, call_function=call).inputs
    return inputs, [each for layer in network.layers for each in found.get(layer.name, ())]


def iterate_filters(
    network: keras.Model, *, seed: int = 0, steps: int = STEPS, most: int | None = None
) -> Iterator[LayerFilters]:
    """Yield the inputs for the filters of each convolution.

    Args:
        network: network of an exported model; it is not changed.
        seed: seed of the noise that the ascent starts from, and of the jitter.
        steps: number of gradient steps.
        most: largest number of convolutions, which are evenly spaced; None for all.

    Raises:
        UserError: The network has no convolution, or its layers are not connected as a graph.
    """
    was_trainable = network.trainable
    network.trainable = False
    try:
        convolutions = find_convolutions(network)
        shown = len(convolutions) if most is None else min(most, len(convolutions))
        for place in np.linspace(0, len(convolutions) - 1, shown).round().astype(int):
            one = convolutions[place]
            count = int(one.output.shape[-1])
            filters = np.unique(np.linspace(0, count - 1, min(count, _MOST)).round().astype(np.int64))
            with _leaky(one.layer):
                found = _maximise(one.features, filters, seed, steps)
            yield LayerFilters(one.name, int(place), len(convolutions), count, filters, *found)
    finally:
        network.trainable = was_trainable


@contextmanager
def _leaky(layer: keras.layers.Layer) -> Iterator[None]:
    """Give a convolution a leaky ReLU in the place of its own activation.

    Where a ReLU is 0, there would be no gradient to climb. Without any, the mean over all positions would depend on the
    mean of the input alone.
    """
    own = getattr(layer, "activation", None)
    if own is not None:
        layer.activation = keras.activations.leaky_relu
    try:
        yield
    finally:
        if own is not None:
            layer.activation = own


def _maximise(
    features: keras.Model, filters: npt.NDArray[np.int64], seed: int, steps: int
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """Return the inputs for some filters of the layer that a model ends in, and by how much their responses rose."""
    count = int(features.output.shape[-1])
    shape = tuple(features.inputs[0].shape[1:])
    rng = np.random.default_rng(seed)
    noise = rng.uniform(-0.5, 0.5, (64, *shape)).astype(np.float32)
    responses = np.asarray(features.predict(noise, verbose=0)).reshape(64, -1, count).mean(axis=1)[:, filters]
    start, spread = responses.mean(axis=0), responses.std(axis=0) + 1e-6
    pictures = _Pictures(features, filters, spread, shape, seed)
    model = keras.Sequential([keras.Input((1,)), pictures])
    model.compile(keras.optimizers.Adam(_RATE), loss=_no_loss)
    steps_of = np.zeros((steps, 1), np.float32)
    model.fit(steps_of, steps_of, batch_size=1, epochs=1, shuffle=False, verbose=0)
    inputs = keras.ops.convert_to_numpy(pictures.pictures())
    reached = np.asarray(features.predict(inputs, verbose=0)).reshape(len(filters), -1, count).mean(axis=1)
    gain = (reached[np.arange(len(filters)), filters] - start) / spread
    return inputs.astype(np.float32), gain.astype(np.float32)


def _no_loss(_: Any, predicted: Any) -> Any:
    """Return the mean of the predictions, which are the loss already."""
    return keras.ops.mean(predicted)


class _Pictures(keras.layers.Layer):
    """Inputs as weights; its output is the loss of the inputs.

    Args:
        features: model up to a convolution, with fixed weights.
        filters: the filter that each input is for.
        spread: standard deviation of the response of each filter to noise.
        shape: shape of an input.
        seed: seed of start and jitter.
    """

    def __init__(
        self, features: keras.Model, filters: npt.NDArray[np.int64], spread: Any, shape: tuple[int, ...], seed: int
    ) -> None:
        super().__init__(dtype="float32")
        self._features = features
        start = keras.initializers.RandomNormal(0, 0.1, seed=seed)
        self._raw = self.add_weight(shape=(len(filters), *shape), initializer=start, name="pictures")
        self._filters, self._spread = filters, np.asarray(spread, np.float32)
        self._seeds = keras.random.SeedGenerator(seed)

    def pictures(self) -> Any:
        """Return the inputs, within −0.5..0.5."""
        return 0.5 * keras.ops.tanh(self._raw)

    def call(self, inputs: Any) -> Any:
        """Return total variation minus response, averaged over the inputs, for each row ``(n, 1)`` of the step."""
        pictures = self.pictures()
        axes = range(1, len(self._raw.shape) - 1)
        shifted = pictures
        for axis in axes:
            shift = keras.random.randint((), -_JITTER, _JITTER + 1, seed=self._seeds)
            shifted = _roll(shifted, shift, axis)
        response = self._features(shifted, training=False)
        response = keras.ops.mean(response, axis=tuple(range(1, len(response.shape) - 1)))
        mask = np.eye(response.shape[-1], dtype=np.float32)[self._filters]
        response = keras.ops.sum(response * mask, axis=-1) / self._spread
        variation = sum(_variation(pictures, axis) for axis in axes)
        return keras.ops.mean(_VARIATION * variation - response) + 0.0 * inputs


def _roll(values: Any, shift: Any, axis: int) -> Any:
    """Return values that are rolled along an axis by a tensor of one integer."""
    n = values.shape[axis]
    return keras.ops.take(values, keras.ops.mod(keras.ops.arange(n) - shift, n), axis=axis)


def _variation(values: Any, axis: int) -> Any:
    """Return the mean absolute difference of neighbours along an axis, ``(k,)``."""
    n = values.shape[axis]
    difference = keras.ops.take(values, range(1, n), axis=axis) - keras.ops.take(values, range(n - 1), axis=axis)
    return keras.ops.mean(keras.ops.abs(difference), axis=tuple(range(1, len(values.shape))))
