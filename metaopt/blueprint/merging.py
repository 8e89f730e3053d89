"""Layers that join several tensors into one."""

# ruff: noqa: D102 (the methods of a layer, and their arguments, are documented by Layer)

from dataclasses import dataclass
from typing import Any

from metaopt.blueprint import arguments
from metaopt.blueprint.layer import Layer, Shape, register_layer


@register_layer
@dataclass(slots=True, eq=False)
class Add(Layer):
    """As ``keras.layers.Add``: the sum, whatever the order. An axis of 1 is repeated to the others' size."""

    merges = True
    symmetric = True

    def output_shape(self, *shapes: Shape) -> Shape:
        first = shapes[0]
        if shapes.count(first) == len(shapes):
            return first
        # Keras also adds tensors of different ranks, by rules that differ from numpy's: nearly always a mistake.
        if len({len(shape) for shape in shapes}) > 1:
            raise self.refuse(shapes, "inputs of different ranks cannot be added")
        sizes = [{*axis} - {1} or {1} for axis in zip(*shapes, strict=True)]
        if any(len(size) > 1 for size in sizes):
            raise self.refuse(shapes, "inputs of different shapes cannot be added")
        return tuple([size.pop() for size in sizes])

    def build(self, keras: Any, name: str) -> Any:
        return keras.layers.Add(name=name)


@register_layer
@dataclass(slots=True, eq=False)
class Concatenate(Layer):
    """As ``keras.layers.Concatenate``; the order matters.

    Attributes:
        axis: −1 is the channels; positive numbers count the batch as axis 0, as Keras does.
    """

    merges = True

    axis: int = -1

    def __post_init__(self) -> None:
        self.axis = arguments.whole(self.kind, "axis", self.axis, least=-3)

    def output_shape(self, *shapes: Shape) -> Shape:
        rank = len(shapes[0])
        axis = self.axis + rank if self.axis < 0 else self.axis - 1
        if not 0 <= axis < rank:
            raise self.refuse(shapes, f"there is no axis {self.axis} to concatenate")
        around = {(*shape[:axis], None, *shape[axis + 1 :]) for shape in shapes}
        if len(around) > 1:
            raise self.refuse(shapes, "inputs may differ only in the axis that is concatenated")
        total = sum([shape[axis] for shape in shapes])
        return *shapes[0][:axis], total, *shapes[0][axis + 1 :]

    def build(self, keras: Any, name: str) -> Any:
        return keras.layers.Concatenate(axis=self.axis, name=name)
