"""Shake-Shake and ShakeDrop: layers that regularise residual branches with random factors.

During training they multiply branches by random factors in the forward pass, and by other factors in the backward pass.
At inference they compute a mean or a scaling, so an exported model has a built-in Keras layer instead.
"""

# ruff: noqa: D102 (the base class Layer documents the methods)

from dataclasses import dataclass
from typing import Any

from metaopt.blueprint import arguments
from metaopt.blueprint.layer import Layer, Shape, register_layer


@register_layer
@dataclass(slots=True, eq=False)
class ShakeShake(Layer):
    """Random mean of residual branches (Gastaldi 2017, arXiv:1705.07485, section 2). The order does not count.

    In training, the forward pass computes Σᵢ αᵢ xᵢ, and the backward pass uses βᵢ instead of αᵢ. Both are drawn for
    each image and step ("Shake-Shake-Image"), uniformly from the weights >= 0 with sum 1. For two branches, α₁ is
    uniform in [0, 1] as in the paper. At inference, the output is the mean.
    """

    merges = True
    symmetric = True

    def output_shape(self, *shapes: Shape) -> Shape:
        if len(shapes) < 2:
            raise self.refuse(shapes, "Expected at least two branches.")
        if shapes.count(shapes[0]) < len(shapes):
            raise self.refuse(shapes, "Expected branches of the same shape.")
        return shapes[0]

    def build(self, keras: Any, name: str) -> Any:
        from metaopt.blueprint.to_keras_shake_regularization import make_shake_layers

        return make_shake_layers(keras).ShakeShake(name=name)

    def build_inference(self, keras: Any, name: str) -> Any:
        return keras.layers.Average(name=name)


@register_layer
@dataclass(slots=True, eq=False)
class ShakeDrop(Layer):
    """Random scaling of a residual branch (Yamada et al. 2018, arXiv:1802.02375, eq. 6).

    In training, the forward pass computes (b + α − bα)·x and the backward pass (b + β − bβ)·x. b is 0 with probability
    ``rate`` and 1 otherwise, α is uniform in [−1, 1] and β in [0, 1]; all are drawn for each image and step. At
    inference, the output is the expectation (1 − rate)·x.

    Attributes:
        rate: probability of scaling the branch, in [0, 1]; 1 − p_l in the paper.
    """

    rate: float

    def __post_init__(self) -> None:
        self.rate = arguments.standardize_float(self.kind, "rate", self.rate, 0.0, 1.0)

    def build(self, keras: Any, name: str) -> Any:
        from metaopt.blueprint.to_keras_shake_regularization import make_shake_layers

        return make_shake_layers(keras).ShakeDrop(self.rate, name=name)

    def build_inference(self, keras: Any, name: str) -> Any:
        return keras.layers.Rescaling(1 - self.rate, name=name)
