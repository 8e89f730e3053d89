"""The network of a trial of an evolution while training, as the user compiled it."""

import keras

from metaopt.engine.jobs import ForkOf
from metaopt.training.evolving.recipe import Recipe
from metaopt.training.initialization import read_source
from metaopt.training.variables import assign


def load_network(recipe: Recipe, source: ForkOf) -> keras.Model:
    """Return a model with the state of a trial, compiled with the user's loss and metrics.

    Args:
        recipe: builds the model.
        source: the trial and its checkpoint.

    Raises:
        RuntimeError: Its checkpoint is gone or damaged.
    """
    configuration = recipe.network.configuration(source.point)
    model = recipe.build(configuration)
    assign(model, read_source(source)[0].folds[0])
    model.compile(optimizer=model.optimizer, **recipe.compilation)
    return model
