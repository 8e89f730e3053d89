"""Merging layers: they combine several tensors into one."""

# ruff: noqa: D102 (the base class Layer documents the methods)

from dataclasses import dataclass
from typing import Any

from metaopt.blueprint import arguments
from metaopt.blueprint.layer import Layer, Shape, register_layer


@register_layer
@dataclass(slots=True, eq=False)
class Add(Layer):
    """Same as ``keras.layers.Add``: a sum in which the order does not count. Axes of size 1 are broadcast."""

    merges = True
    symmetric = True

    def output_shape(self, *shapes: Shape) -> Shape:
        first = shapes[0]
        if shapes.count(first) == len(shapes):
            return first
        # Keras adds tensors of different ranks by other rules than NumPy. That is nearly always a user's mistake.
        if len({len(shape) for shape in shapes}) > 1:
            raise self.refuse(shapes, "Expected inputs of the same rank.")
        sizes = [{*axis} - {1} or {1} for axis in zip(*shapes, strict=True)]
        if any(len(size) > 1 for size in sizes):
            raise self.refuse(shapes, "Expected inputs of the same shape; only axes of size 1 are broadcast.")
        return tuple([size.pop() for size in sizes])

    def build(self, keras: Any, name: str) -> Any:
        return keras.layers.Add(name=name)


@register_layer
@dataclass(slots=True, eq=False)
class Concatenate(Layer):
    """Same as ``keras.layers.Concatenate``; the order counts.

    Attributes:
        axis: the axis to concatenate, −1 for the channels. As in Keras, axis 0 is the batch.
    """

    merges = True

    axis: int = -1

    def __post_init__(self) -> None:
        self.axis = arguments.standardize_integer(self.kind, "axis", self.axis, minimum=-3)

    def output_shape(self, *shapes: Shape) -> Shape:
        rank = len(shapes[0])
        axis = self.axis + rank if self.axis < 0 else self.axis - 1
        if not 0 <= axis < rank:
            raise self.refuse(
                shapes, f"Invalid value for axis: {self.axis}. Expected an axis of the inputs other than the batch."
            )
        other_axes = {(*shape[:axis], None, *shape[axis + 1 :]) for shape in shapes}
        if len(other_axes) > 1:
            raise self.refuse(shapes, f"Expected inputs that differ only in axis {self.axis}.")
        total = sum([shape[axis] for shape in shapes])
        return *shapes[0][:axis], total, *shapes[0][axis + 1 :]

    def build(self, keras: Any, name: str) -> Any:
        return keras.layers.Concatenate(axis=self.axis, name=name)
