"""Identity of a user's model: a text that is equal for equal models in every process."""

from collections.abc import Mapping
from types import FunctionType
from typing import Any

import keras

from metaopt.training.evolving.layer_configs import find_layers, name_layers
from metaopt.training.evolving.losses import arguments_of, loss_name
from metaopt.training.evolving.recipe import Recipe
from metaopt.values.function_identity import function_digest
from metaopt.values.json_values import dump_json


def identify_model(recipe: Recipe) -> str:
    """Return the text of a model: layers, connections, custom functions, optimizer and losses; not its weights.

    The augmentation policy is part of it, where there is one.
    """
    layers = list(find_layers(recipe.config))
    names = {layer.name: name for layer, name in zip(layers, name_layers(layers).values(), strict=True)}
    names[str(recipe.config.get("name"))] = "model"
    optimizer = {
        name: value for name, value in recipe.optimizer.config.items() if name not in ("name", "learning_rate")
    }
    losses = keras.tree.map_structure(_identify_loss, recipe.compilation["loss"])
    custom = {name: _digest(each) for name, each in recipe.custom_objects.items()}
    parts = [
        _renamed(recipe.config, names),
        custom,
        [recipe.optimizer.name, recipe.optimizer.rate, optimizer],
        [losses, recipe.compilation.get("loss_weights")],
        *([] if recipe.policy is None else [recipe.policy.strengths]),
    ]
    return dump_json(parts, compact=True).decode()


def _renamed(value: Any, names: Mapping[str, str]) -> Any:
    """Return a configuration in which layers have names that do not depend on the process."""
    if isinstance(value, Mapping):
        return {key: _renamed(each, names) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_renamed(each, names) for each in value]
    return names.get(value, value) if isinstance(value, str) else value


def _identify_loss(loss: Any) -> Any:
    if isinstance(loss, FunctionType) and not loss.__module__.startswith("keras."):
        return function_digest(loss)
    own = "" if type(loss).__module__.startswith("keras.") or isinstance(loss, str) else _digest(type(loss))
    return [loss_name(loss), {name: str(value) for name, value in arguments_of(loss).items()}, own]


def _digest(value: Any) -> str:
    if isinstance(value, FunctionType):
        return function_digest(value)
    return f"{value.__module__}.{value.__qualname__}"
