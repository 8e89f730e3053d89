"""Shake-shake and shake-drop as Keras layers, on every backend; see ``metaopt.blueprint.shaking`` for what they are."""

from functools import lru_cache
from types import SimpleNamespace
from typing import Any

# The least number that is drawn where a logarithm is taken of it.
_TINY = 1e-7


@lru_cache
def shaking_layers(keras: Any) -> SimpleNamespace:
    """``ShakeShake`` and ``ShakeDrop``, classes of Keras layers.

    Their gradient is not that of what they compute: β·x + stop_gradient((α − β)·x) is α·x, and its derivative β.

    Args:
        keras: the module, whose classes are extended; so nothing imports it here.
    """
    ops, random = keras.ops, keras.random

    class Shaking(keras.layers.Layer):
        """What both have in common: a seed, which a training sets anew in each epoch, and numbers for each image."""

        def __init__(self, seed: int | None = None, **arguments: Any) -> None:
            super().__init__(**arguments)
            self.seed = seed
            self.seed_generator = random.SeedGenerator(seed)

        def draw(self, images: Any, low: float, high: float) -> Any:
            """Uniform numbers, one for each image, float32 ``(n, 1, …)``."""
            shape = (ops.shape(images)[0], *[1] * (len(images.shape) - 1))
            return random.uniform(shape, low, high, dtype="float32", seed=self.seed_generator)

        def shaken(self, images: Any, forward: Any, backward: Any) -> Any:
            """The images times ``forward``, with gradients as if it were ``backward``."""
            kept, changed = ops.cast(backward, images.dtype), ops.cast(forward - backward, images.dtype)
            return kept * images + ops.stop_gradient(changed * images)

        def get_config(self) -> dict[str, Any]:
            return {**super().get_config(), "seed": self.seed}

    class ShakeShake(Shaking):
        """A random mean of two or more tensors of one shape."""

        def call(self, inputs: Any, training: bool = False) -> Any:
            if not training:
                return sum(inputs[1:], inputs[0]) / len(inputs)
            forward, backward = self._shares(inputs), self._shares(inputs)
            shaken = [self.shaken(*each) for each in zip(inputs, forward, backward, strict=True)]
            return sum(shaken[1:], shaken[0])

        def _shares(self, inputs: Any) -> list[Any]:
            """For each tensor its share, uniform over those with the sum 1: normalised exponential numbers are."""
            parts = [-ops.log(self.draw(each, _TINY, 1.0)) for each in inputs]
            total = sum(parts[1:], parts[0])
            return [part / total for part in parts]

        def compute_output_shape(self, input_shape: Any) -> Any:
            return input_shape[0]

    class ShakeDrop(Shaking):
        """A branch that is disturbed with a probability."""

        def __init__(self, rate: float, **arguments: Any) -> None:
            super().__init__(**arguments)
            self.rate = rate

        def call(self, inputs: Any, training: bool = False) -> Any:
            if not training:
                return inputs * (1 - self.rate)
            disturbed = self.draw(inputs, 0.0, 1.0) < self.rate
            forward = ops.where(disturbed, self.draw(inputs, -1.0, 1.0), 1.0)
            backward = ops.where(disturbed, self.draw(inputs, 0.0, 1.0), 1.0)
            return self.shaken(inputs, forward, backward)

        def compute_output_shape(self, input_shape: Any) -> Any:
            return input_shape

        def get_config(self) -> dict[str, Any]:
            return {**super().get_config(), "rate": self.rate}

    return SimpleNamespace(ShakeShake=ShakeShake, ShakeDrop=ShakeDrop)
