"""Start of a member: its own checkpoint, the state of the network that it copies, or the user's model."""

import keras

from metaopt.engine.jobs import ForkOf, TrainingRequest
from metaopt.evolving.hyperparameters import Configuration
from metaopt.training.checkpoint import Checkpoint, EpochHistory
from metaopt.training.epoch_loop import Start
from metaopt.training.evolving.optimizers import adopt_state, set_learning_rate
from metaopt.training.evolving.recipe import Recipe
from metaopt.training.initialization import read_source, restore_own
from metaopt.training.variables import Arrays, assign, fits, snapshot, with_mean_weights


def start_training(
    model: keras.Model,
    recipe: Recipe,
    configuration: Configuration,
    checkpoint: Checkpoint | None,
    request: TrainingRequest,
    *,
    is_new: bool,
) -> Start:
    """Set all variables of a model to the start of its training.

    Args:
        model: compiled model of the configuration.
        recipe: built it.
        configuration: its hyperparameters.
        checkpoint: checkpoints of the trial, or None.
        request: the job and its report function.
        is_new: whether the model is as it was built; if not, its variables are arbitrary.

    Raises:
        RuntimeError: The state of a forked trial is gone, or is that of another network.
    """
    state = restore_own(model, checkpoint, request)
    if state is not None:
        assign(model, state.folds[0])
        return Start(state.progress, [], state.inherited, n_reported=request.job.start)
    origin = request.job.origin
    if isinstance(origin, ForkOf):
        return _fork(model, recipe, configuration, origin)
    if not is_new:
        assign(model, snapshot(recipe.build(configuration)))
    recipe.begin(model, configuration)
    return Start(EpochHistory(), [])


def _fork(model: keras.Model, recipe: Recipe, configuration: Configuration, origin: ForkOf) -> Start:
    """Return the start from the state of another trial; its optimizer's, too, as far as the slots hold the same."""
    state, best = read_source(origin)
    arrays = state.folds[0]
    if origin.mate is not None:
        arrays = with_mean_weights(model, arrays, read_source(origin.mate)[0].folds[0])
    if fits(model, arrays) and recipe.is_same_optimizer(configuration, origin.point):
        assign(model, arrays)
    else:
        _adopt(model, recipe, origin, arrays)
    set_learning_rate(model, configuration)
    inherited = {"trial": origin.trial, "epochs": origin.epochs}
    return Start(state.progress, [], inherited, n_reported=origin.epochs, best=best)


def _adopt(model: keras.Model, recipe: Recipe, origin: ForkOf, arrays: Arrays) -> None:
    """Set the network's variables, and those of the optimizer from another one's state.

    Raises:
        RuntimeError: It is the state of another network.
    """
    count = len(model.variables)
    if [tuple(variable.shape) for variable in model.variables] != [array.shape for array in arrays[:count]]:
        raise RuntimeError(f"The state of trial {origin.trial} is that of another network; it cannot be forked.")
    for variable, array in zip(model.variables, arrays, strict=False):
        variable.assign(array)
    before = recipe.make_optimizer(recipe.network.configuration(origin.point), model)
    adopt_state(model, before, arrays[count:])
