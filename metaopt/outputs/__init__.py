"""Outputs: kinds of targets, and all that a kind decides about networks, predictions and scores."""

from metaopt.outputs.class_output import ClassOutput
from metaopt.outputs.image_output import ImageOutput
from metaopt.outputs.label_output import LabelOutput
from metaopt.outputs.number_output import NumberOutput
from metaopt.outputs.output import Output, Targets
from metaopt.outputs.reading import KINDS, as_outputs, class_outputs, describe_classes, read_classes, read_output

__all__ = [
    "KINDS",
    "ClassOutput",
    "ImageOutput",
    "LabelOutput",
    "NumberOutput",
    "Output",
    "Targets",
    "as_outputs",
    "class_outputs",
    "describe_classes",
    "read_classes",
    "read_output",
]
