"""Layers that disturb residual branches in training: shake-shake and shake-drop.

Both multiply branches by random numbers, and their gradients by other ones. At inference they are plain arithmetic, so
that a model that is handed out has a layer of Keras' own in their place.
"""

# ruff: noqa: D102 (the methods of a layer, and their arguments, are documented by Layer)

from dataclasses import dataclass
from typing import Any

from metaopt.blueprint import arguments
from metaopt.blueprint.layer import Layer, Shape, register_layer


@register_layer
@dataclass(slots=True, eq=False)
class ShakeShake(Layer):
    """A random mean of residual branches (Gastaldi 2017, arXiv:1705.07485, section 2), whatever their order.

    In training Σᵢ αᵢ xᵢ forward and βᵢ in the place of αᵢ backward, drawn anew for each image and step ("Shake-Shake-
    Image"). α and β are uniform over the numbers from 0 on with the sum 1: for two branches α₁ is uniform in [0, 1], as
    in the paper. At inference it is the mean.
    """

    merges = True
    symmetric = True

    def output_shape(self, *shapes: Shape) -> Shape:
        if len(shapes) < 2:
            raise self.refuse(shapes, "it takes two branches or more")
        if shapes.count(shapes[0]) < len(shapes):
            raise self.refuse(shapes, "branches of different shapes have no mean")
        return shapes[0]

    def build(self, keras: Any, name: str) -> Any:
        from metaopt.blueprint.to_keras_shaking import shaking_layers

        return shaking_layers(keras).ShakeShake(name=name)

    def build_inference(self, keras: Any, name: str) -> Any:
        return keras.layers.Average(name=name)


@register_layer
@dataclass(slots=True, eq=False)
class ShakeDrop(Layer):
    """Disturbs a residual branch, or lets it pass (Yamada et al. 2018, arXiv:1802.02375, eq. 6).

    In training (b + α − bα)·x forward and (b + β − bβ)·x backward, where b is 0 with the probability ``rate`` and else
    1, α is uniform in [−1, 1] and β in [0, 1], all drawn anew for each image and step. At inference it is the
    expectation, (1 − rate)·x.

    Attributes:
        rate: the probability that the branch is disturbed, in [0, 1]; 1 − p_l of the paper.
    """

    rate: float

    def __post_init__(self) -> None:
        self.rate = arguments.real(self.kind, "rate", self.rate, 0.0, 1.0)

    def build(self, keras: Any, name: str) -> Any:
        from metaopt.blueprint.to_keras_shaking import shaking_layers

        return shaking_layers(keras).ShakeDrop(self.rate, name=name)

    def build_inference(self, keras: Any, name: str) -> Any:
        return keras.layers.Rescaling(1 - self.rate, name=name)
