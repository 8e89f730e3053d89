"""Recipe of a model: all that builds copies of it under other configurations, in any process."""

import contextlib
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, fields
from typing import Any

import keras

from metaopt.blueprint.keras_weights import set_all_weights
from metaopt.evolving.hyperparameters import (
    AUGMENTATION,
    BATCH_SIZE,
    L2,
    LABEL_SMOOTHING,
    LEARNING_RATE,
    MOMENTUM,
    OPTIMIZER,
    Configuration,
)
from metaopt.evolving.network import Network
from metaopt.problems.augmentation_policy import AugmentationPolicy
from metaopt.training.evolving.activation_layers import exchange
from metaopt.training.evolving.description import AUGMENTATIONS, Places, describe
from metaopt.training.evolving.layer_configs import Path, changed, find_layers
from metaopt.training.evolving.losses import smoothed
from metaopt.training.evolving.optimizers import OwnOptimizer, set_learning_rate
from metaopt.training.variables import Arrays, assign_each, build_optimizer
from metaopt.values.value_identity import describe_value

_NOT_COMPILED = (LEARNING_RATE, BATCH_SIZE)  # a variable, and a size of the data: the same program serves all values
_OWN = "metaopt_own_activation_"


@dataclass(frozen=True)
class Recipe:
    """A user's model as data: picklable with cloudpickle, and independent of the model object.

    Attributes:
        kind: its class.
        config: its configuration.
        custom_objects: name → class or function that Keras does not have.
        weights: its weights.
        optimizer: its optimizer.
        optimizer_state: state of its optimizer; empty where it has not been built.
        compilation: ``loss``, ``loss_weights``, ``metrics`` and further arguments of ``compile``.
        network: its hyperparameters.
        places: their places in ``config``.
        policy: augmentation of the training images outside of the model, or None.
    """

    kind: Any
    config: dict[str, Any]
    custom_objects: Mapping[str, Any]
    weights: Arrays
    optimizer: OwnOptimizer
    optimizer_state: Arrays
    compilation: Mapping[str, Any]
    network: Network
    places: Places
    policy: AugmentationPolicy | None = None

    @classmethod
    def of(
        cls, model: keras.Model, batch_size: int, n_examples: int, policy: AugmentationPolicy | None = None
    ) -> "Recipe":
        """Return the recipe of a compiled and built model.

        Args:
            model: the model; it is not changed.
            batch_size: its batch size.
            n_examples: number of training examples.
            policy: augmentation of the training images outside of the model, or None.
        """
        custom, functions = _find_custom(model)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of lambdas, which are taken from the model and not from its configuration
            config = changed(model.get_config(), {path: _named(name) for path, name in functions.items()})
        optimizer = OwnOptimizer.of(model.optimizer)
        network, places = describe(model, config, optimizer, batch_size, n_examples, policy)
        compilation = dict(model._compile_config.config)  # Keras has no public name for the objects themselves
        compilation.pop("optimizer")
        state = [variable.numpy() for variable in model.optimizer.variables] if model.optimizer.built else []
        weights = model.get_weights()
        return cls(type(model), config, custom, weights, optimizer, state, compilation, network, places, policy)

    def __reduce__(self) -> Any:
        """Pickle losses and metrics by class and arguments: Keras finds no class of a script in another process."""
        values = {each.name: getattr(self, each.name) for each in fields(self)}
        return _unpickle, ({**values, "compilation": keras.tree.map_structure(_packed, dict(self.compilation))},)

    def key(self, configuration: Configuration) -> str:
        """Return a text that is equal for configurations that one compiled program can train."""
        kept = {label: value for label, value in configuration.items() if label not in _NOT_COMPILED}
        if not self.places.augmentations:  # the strength is that of the policy alone, outside of the model
            kept.pop(AUGMENTATION, None)
        if self.optimizer.schedule is not None:
            kept[LEARNING_RATE] = configuration[LEARNING_RATE]
        return describe_value(kept)

    def policy_of(self, configuration: Configuration) -> AugmentationPolicy | None:
        """Return the augmentation policy of a configuration, whose strengths are scaled; None without one."""
        return None if self.policy is None else self.policy.scaled(float(configuration[AUGMENTATION]))

    def build(self, configuration: Configuration) -> keras.Model:
        """Return a new compiled model with the user's weights; its optimizer has begun nothing, or as in the model."""
        with _unsafe_deserialization():
            model = self.kind.from_config(self._configured(configuration), custom_objects=dict(self.custom_objects))
        if not model.built:
            model.build(self.config.get("build_input_shape"))
        set_all_weights(model, self.weights)
        loss = self.compilation["loss"]
        smoothing = configuration.get(LABEL_SMOOTHING)
        if smoothing is not None and smoothing != self.network.initial[LABEL_SMOOTHING]:
            loss = keras.tree.map_structure(lambda each: smoothed(each, float(smoothing)), loss)
        kept = ("loss_weights", "run_eagerly", "jit_compile")
        # Without its metrics: the validation loss is measured apart, and the user's metrics would take time.
        model.compile(
            optimizer=self.optimizer.make(configuration),
            loss=loss,
            **{name: self.compilation[name] for name in kept if name in self.compilation},
        )
        build_optimizer(model)
        return model

    def is_same_optimizer(self, configuration: Configuration, point: Mapping[str, Any]) -> bool:
        """Return whether the optimizer of a configuration has the state of that of a point, in the same order."""
        other = self.network.configuration(point)
        has_momentum = [bool(each[MOMENTUM]) for each in (configuration, other)]
        return configuration[OPTIMIZER] == other[OPTIMIZER] and has_momentum[0] == has_momentum[1]

    def make_optimizer(self, configuration: Configuration, model: keras.Model) -> Any:
        """Return the optimizer of another configuration, built for the weights of a model."""
        optimizer = self.optimizer.make(configuration)
        optimizer.build(model.trainable_variables)
        return optimizer

    def begin(self, model: keras.Model, configuration: Configuration) -> None:
        """Give a new model the state of the user's optimizer, if it has one."""
        variables = model.optimizer.variables
        if [array.shape for array in self.optimizer_state] == [tuple(each.shape) for each in variables]:
            assign_each(variables, self.optimizer_state)
        set_learning_rate(model, configuration)

    def _configured(self, configuration: Configuration) -> dict[str, Any]:
        """Return the model's configuration with the values of another one."""
        initial = self.network.initial
        changes: dict[Path, list[Callable[[dict[str, Any]], None]]] = {}

        def add(path: Path, change: Callable[[dict[str, Any]], None]) -> None:
            changes.setdefault(path, []).append(change)

        for label, path in self.places.activations.items():
            if configuration[label] != initial[label]:
                add(path, exchange(str(configuration[label])))
        for label, path in self.places.dropouts.items():
            if configuration[label] != initial[label]:
                add(path, _set_argument("rate", float(configuration[label])))
        if L2 in initial and configuration[L2] != initial[L2]:
            for path, share in self.places.kernels.items():
                add(path, _set_argument("kernel_regularizer", _l2(share * float(configuration[L2]))))
        if AUGMENTATION in initial and configuration[AUGMENTATION] != initial[AUGMENTATION]:
            for path in self.places.augmentations:
                add(path, _scale_augmentation(float(configuration[AUGMENTATION])))
        return changed(self.config, {path: _all(each) for path, each in changes.items()})


@dataclass(frozen=True)
class _Packed:
    """A loss or a metric on its way to another process."""

    kind: Any
    config: dict[str, Any]


def _packed(value: Any) -> Any:
    if isinstance(value, keras.losses.Loss | keras.metrics.Metric):
        return _Packed(type(value), value.get_config())
    return value


def _unpickle(values: dict[str, Any]) -> Recipe:
    def unpacked(value: Any) -> Any:
        return value.kind.from_config(value.config) if isinstance(value, _Packed) else value

    return Recipe(**{**values, "compilation": keras.tree.map_structure(unpacked, values["compilation"])})


def _all(steps: list[Callable[[dict[str, Any]], None]]) -> Callable[[dict[str, Any]], None]:
    def change(entry: dict[str, Any]) -> None:
        for step in steps:
            step(entry)

    return change


def _set_argument(name: str, value: Any) -> Callable[[dict[str, Any]], None]:
    def change(entry: dict[str, Any]) -> None:
        entry["config"][name] = value

    return change


def _l2(value: float) -> dict[str, Any] | None:
    if not value:
        return None
    return {"module": "keras.regularizers", "class_name": "L2", "config": {"l2": value}, "registered_name": None}


def _scale_augmentation(strength: float) -> Callable[[dict[str, Any]], None]:
    def scaled(value: Any, limit: float) -> Any:
        if isinstance(value, list | tuple):
            return [scaled(each, limit) for each in value]
        return None if value is None else min(max(value * strength, -limit), limit)

    def change(entry: dict[str, Any]) -> None:
        arguments, is_share = AUGMENTATIONS[entry["class_name"]]
        for name in arguments:
            if name in entry["config"]:
                entry["config"][name] = scaled(entry["config"][name], 1.0 if is_share else float("inf"))

    return change


def _named(name: str) -> Callable[[dict[str, Any]], None]:
    """Return a change that names a function as the activation of a layer."""
    serialized = {"module": "builtins", "class_name": "function", "config": name, "registered_name": "function"}
    return _set_argument("activation", serialized)


def _find_custom(model: keras.Model) -> tuple[dict[str, Any], dict[Path, str]]:
    """Return the classes and functions of a model that Keras does not have, and the layers with such an activation."""
    by_name = {layer.name: layer for layer in model._flatten_layers(include_self=False)}
    found: dict[str, Any] = {}
    functions: dict[Path, str] = {}
    for layer in by_name.values():
        for value in (layer, *vars(layer).values()):
            kind = type(value)
            if hasattr(kind, "get_config") and not kind.__module__.startswith("keras."):
                found[kind.__name__] = kind
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        layers = list(find_layers(model.get_config()))
    for entry in layers:
        activation = getattr(by_name.get(entry.name), "activation", None)
        if callable(activation) and not isinstance(entry.config.get("activation"), str | None):
            name = f"{_OWN}{len(functions)}"
            functions[entry.path], found[name] = name, activation
    return found, functions


@contextlib.contextmanager
def _unsafe_deserialization() -> Iterator[None]:
    """Let Keras build the lambdas of the user's own model."""
    from keras.src.saving.serialization_lib import SafeModeScope  # Keras' public function sets it for ever

    with SafeModeScope(False):
        yield
