"""Calibration of an exported model: thresholds of classes, so that limits on them hold, and temperatures."""

from collections.abc import Sequence
from dataclasses import replace

import keras
import numpy as np

from metaopt.data import Images
from metaopt.training.export import predict_split
from metaopt.training.model_file import ModelMetadata
from metaopt.training.temperature import TemperatureScaling, fit_temperatures, scale_probabilities
from metaopt.trials.class_thresholds import Calibration, count_answers, tune_classes
from metaopt.trials.constraints import Constraint


def calibrate(
    model: keras.Model, metadata: ModelMetadata, images: Images, constraints: Sequence[Constraint]
) -> tuple[ModelMetadata, Calibration]:
    """Tune the thresholds of the classes that limits name.

    Args:
        model: exported model.
        metadata: its metadata.
        images: images that its networks were not trained on.
        constraints: constraints of the study, those on other values included.

    Returns:
        The metadata with the thresholds, and with the calibration under ``training``; and the calibration.
    """
    predictions = predict_split(model, metadata, images)
    outputs, limits = tune_classes(constraints, predictions, images.labels, metadata.outputs)
    calibration = Calibration(len(images), count_answers(outputs, predictions), limits)
    training = {**metadata.training, "calibration": calibration.to_json()}
    return replace(metadata, outputs=outputs, training=training), calibration


def fit_model_temperatures(
    model: keras.Model, metadata: ModelMetadata, images: Images
) -> tuple[ModelMetadata, dict[str, TemperatureScaling]]:
    """Fit a temperature for each head with probabilities; see ``metaopt.training.temperature``.

    Args:
        model: exported model, with a temperature of 1.
        metadata: its metadata.
        images: images that its networks were not trained on.

    Returns:
        The metadata with the temperatures under ``training``, and head → temperature; the model is still to be built.
    """
    predictions = predict_split(model, metadata, images)
    found = {}
    for head, temperature in fit_temperatures(metadata.outputs, predictions, images.labels).items():
        output, predicted, true = metadata.outputs[head], predictions[head], np.asarray(images.labels[head])
        scaled = scale_probabilities(output, predicted, temperature)
        before, after = (output.measure_briefly(each, true)["loss"] for each in (predicted, scaled))
        found[head] = TemperatureScaling(temperature, before, after)
    values = {head: each.temperature for head, each in found.items()}
    training = {**metadata.training, "temperature": {"images": len(images), "values": values}}
    return replace(metadata, training=training), found
