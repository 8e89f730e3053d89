"""Networks with random weights, and their outputs."""

import math

import numpy as np

CLASSES = {"label": 5}


def built(problem, point, shape=(16, 16, 3), classes=CLASSES):
    return problem.network(point, shape, classes).to_keras()


def trained(model, seed=0):
    """Set random weights of a scale that keeps activations moderate, so that none has its initial value."""
    rng = np.random.default_rng(seed)
    for weight in model.weights:
        scale = math.sqrt(2 / math.prod(weight.shape[:-1])) if len(weight.shape) > 1 else 0.2
        values = rng.normal(0, scale, weight.shape)
        if weight.name == "gamma":
            values = 1 + values
        if weight.name == "moving_variance":
            values = 1 + abs(values)
        weight.assign(values)
    return model


def answers(model, seed=1, training=False):
    """Outputs of all heads for eight images."""
    import keras

    rng = np.random.default_rng(seed)
    images = rng.uniform(-0.5, 0.5, (8, *model.inputs[0].shape[1:])).astype("float32")
    outputs = keras.tree.flatten(model(images, training=training))
    return np.concatenate([keras.ops.convert_to_numpy(output) for output in outputs], axis=-1)


def assert_same_function(child, parent):
    ours, theirs = answers(child), answers(parent)
    assert theirs.std(axis=0).max() > 1e-4  # the outputs depend on the images
    np.testing.assert_allclose(ours, theirs, atol=1e-5)


def weights_of(model):
    import keras

    return [keras.ops.convert_to_numpy(weight).copy() for weight in model.weights]
