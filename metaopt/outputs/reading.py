"""Outputs from their JSON, and from what the function ``network`` gets."""

from collections.abc import Mapping, Sequence
from typing import Any

from metaopt.outputs.class_output import ClassOutput
from metaopt.outputs.image_output import ImageOutput
from metaopt.outputs.label_output import LabelOutput
from metaopt.outputs.number_output import NumberOutput
from metaopt.outputs.output import Output

KINDS: dict[str, type[Output]] = {each.kind: each for each in (ClassOutput, LabelOutput, NumberOutput, ImageOutput)}


def read_output(stored: Mapping[str, Any]) -> Output:
    """Return an output from the result of ``Output.describe``.

    Raises:
        KeyError: There is no such kind.
        TypeError: It lacks a field, or has one too many.
    """
    fields = {name: tuple(value) if isinstance(value, list) else value for name, value in stored.items()}
    del fields["kind"]
    return KINDS[stored["kind"]](**fields)


def class_outputs(names: Mapping[str, Sequence[str]]) -> dict[str, Output]:
    """Return head → output for the names of its classes."""
    return {head: ClassOutput(tuple(each)) for head, each in names.items()}


def describe_classes(outputs: Mapping[str, Output]) -> dict[str, Any]:
    """Return head → number of classes, or the description of another output; JSON types."""
    return {
        head: len(each.names) if isinstance(each, ClassOutput) else each.describe() for head, each in outputs.items()
    }


def read_classes(described: Mapping[str, Any]) -> "dict[str, int | Output]":
    """Return what ``network`` gets from the result of ``describe_classes``."""
    return {head: each if isinstance(each, int) else read_output(each) for head, each in described.items()}


def as_outputs(classes: Mapping[str, Any]) -> dict[str, Output]:
    """Return head → output for what ``network`` gets: a number of classes, or an output."""
    return {head: each if isinstance(each, Output) else ClassOutput.of(int(each)) for head, each in classes.items()}
