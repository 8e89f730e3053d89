"""Shake-Shake and ShakeDrop as Keras layers, for every backend.

``metaopt.blueprint.shake_regularization`` defines the two methods.
"""

from functools import lru_cache
from types import SimpleNamespace
from typing import Any

# Lower bound of uniform numbers whose logarithm is taken.
_EPSILON = 1e-7


@lru_cache
def make_shake_layers(keras: Any) -> SimpleNamespace:
    """Return the classes ``ShakeShake`` and ``ShakeDrop``, subclasses of ``keras.layers.Layer``.

    The factor α of the forward pass differs from the factor β of the backward pass: the value of
    β·x + stop_gradient((α − β)·x) is α·x, and its derivative is β.

    Args:
        keras: the module ``keras``, passed as an argument so that this file does not import it.
    """
    ops, random = keras.ops, keras.random

    class ShakeLayer(keras.layers.Layer):
        """Base class: a seed state, which training sets at the start of each epoch, and factors for each image."""

        def __init__(self, seed: int | None = None, **arguments: Any) -> None:
            super().__init__(**arguments)
            self.seed = seed
            self.seed_generator = random.SeedGenerator(seed)

        def draw(self, images: Any, low: float, high: float) -> Any:
            """Draw one uniform number for each image, float32 ``(n, 1, …)``."""
            shape = (ops.shape(images)[0], *[1] * (len(images.shape) - 1))
            return random.uniform(shape, low, high, dtype="float32", seed=self.seed_generator)

        def scale(self, images: Any, forward: Any, backward: Any) -> Any:
            """Multiply images by ``forward``; the gradient is that of a multiplication by ``backward``."""
            factor, difference = ops.cast(backward, images.dtype), ops.cast(forward - backward, images.dtype)
            return factor * images + ops.stop_gradient(difference * images)

        def get_config(self) -> dict[str, Any]:
            return {**super().get_config(), "seed": self.seed}

    class ShakeShake(ShakeLayer):
        """Random mean of two or more tensors of the same shape."""

        def call(self, inputs: Any, training: bool = False) -> Any:
            if not training:
                return sum(inputs[1:], inputs[0]) / len(inputs)
            forward, backward = self._draw_weights(inputs), self._draw_weights(inputs)
            scaled = [self.scale(*each) for each in zip(inputs, forward, backward, strict=True)]
            return sum(scaled[1:], scaled[0])

        def _draw_weights(self, inputs: Any) -> list[Any]:
            """Draw a weight for each tensor, uniform over weights with sum 1 (normalised exponential numbers)."""
            parts = [-ops.log(self.draw(each, _EPSILON, 1.0)) for each in inputs]
            total = sum(parts[1:], parts[0])
            return [part / total for part in parts]

        def compute_output_shape(self, input_shape: Any) -> Any:
            return input_shape[0]

    class ShakeDrop(ShakeLayer):
        """Random scaling of a branch with a given probability."""

        def __init__(self, rate: float, **arguments: Any) -> None:
            super().__init__(**arguments)
            self.rate = rate

        def call(self, inputs: Any, training: bool = False) -> Any:
            if not training:
                return inputs * (1 - self.rate)
            is_scaled = self.draw(inputs, 0.0, 1.0) < self.rate
            forward = ops.where(is_scaled, self.draw(inputs, -1.0, 1.0), 1.0)
            backward = ops.where(is_scaled, self.draw(inputs, 0.0, 1.0), 1.0)
            return self.scale(inputs, forward, backward)

        def compute_output_shape(self, input_shape: Any) -> Any:
            return input_shape

        def get_config(self) -> dict[str, Any]:
            return {**super().get_config(), "rate": self.rate}

    return SimpleNamespace(ShakeShake=ShakeShake, ShakeDrop=ShakeDrop)
