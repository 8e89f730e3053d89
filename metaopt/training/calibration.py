"""Calibration of an exported model: thresholds of its classes, so that the limits on classes hold."""

from collections.abc import Sequence
from dataclasses import replace

import keras

from metaopt.data import Images
from metaopt.training.export import predict_split
from metaopt.training.model_file import ModelMetadata
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
