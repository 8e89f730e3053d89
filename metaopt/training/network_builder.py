"""Builders of Keras models: one interface for blueprints and for models that a user's ``build_model`` makes."""

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from functools import cached_property
from typing import Any

import keras

from metaopt.blueprint import Blueprint, Layer
from metaopt.blueprint.from_keras import count_keras
from metaopt.data import DataSet
from metaopt.problems.memory_estimate import estimate_memory
from metaopt.problems.mistakes import locate
from metaopt.problems.problem import Problem
from metaopt.problems.training_config import Training
from metaopt.training.batches import outputs_by_head
from metaopt.training.built_model import check_compiled, check_kind, check_shapes
from metaopt.training.compiling import Cycles, compile_model
from metaopt.training.network_refused import NetworkRefused
from metaopt.training.variables import build_optimizer
from metaopt.values.safe_text import first_line


class NetworkBuilder(ABC):
    """Builds the network of one point.

    Args:
        problem: defines the network.
        point: the hyperparameters.
        data: input shape and classes.

    Attributes:
        uncounted: kinds of layers whose multiply-accumulates ``counts`` could not count.
    """

    def __init__(self, problem: Problem, point: Any, data: DataSet) -> None:
        self.problem = problem
        self.point = point
        self.data = data
        self.uncounted: tuple[str, ...] = ()

    @property
    def blueprint(self) -> Blueprint | None:
        """Description of the network; None if it is known by its Keras model alone."""
        return None

    @abstractmethod
    def build(self) -> keras.Model:
        """Return the network, for weights that are known already."""

    @abstractmethod
    def compile(self, training: Training, steps: int, cycles: Cycles) -> keras.Model:
        """Return the compiled network.

        Args:
            training: optimizer, losses and learning-rate schedule; ``build_model`` compiles its own instead.
            steps: steps per epoch.
            cycles: cycles of the schedule.

        Raises:
            UserError: There is no such optimizer, or it takes no such option.
            NetworkRefused: The architecture is invalid.
            WrongModel: ``build_model`` did not return a compiled classifier of the data.
        """

    @abstractmethod
    def counts(self, model: keras.Model, training: Training, bounds: Mapping[str, float]) -> dict[str, int]:
        """Return ``params`` and ``macs`` of the compiled network.

        Args:
            model: the compiled network.
            training: with the batch size, by which memory is estimated.
            bounds: ``params``, ``macs``, ``memory`` → largest value, checked where the guard could not.

        Raises:
            NetworkRefused: The network exceeds a bound, or a bound is on ``macs``, which cannot be counted.
        """

    @abstractmethod
    def for_inference(self, network: keras.Model) -> keras.Model:
        """Return a trained network made of Keras' own layers, so that its file can be read anywhere."""

    def heads(self, network: keras.Model) -> list[str]:
        """Return the heads that a network has, the first head first; perhaps not all of the data's."""
        output = network.compute_output_spec(keras.KerasTensor((None, *self.data.input_shape)))
        return list(outputs_by_head(output, list(self.data.classes)))


class BlueprintBuilder(NetworkBuilder):
    """Builds networks from blueprints, which the guard has counted."""

    @cached_property
    def blueprint(self) -> Blueprint:
        """Description of the network."""
        blueprint = self.problem.blueprint(self.point, self.data.input_shape, self.data.classes)
        assert blueprint is not None  # the problem has a network
        return blueprint

    def build(self) -> keras.Model:
        """See ``NetworkBuilder.build``."""
        return self.blueprint.to_keras()

    def compile(self, training: Training, steps: int, cycles: Cycles) -> keras.Model:
        """See ``NetworkBuilder.compile``."""
        return compile_model(self.blueprint.to_keras(), training, self.data.classes, steps=steps, cycles=cycles)

    def counts(self, model: keras.Model, training: Training, bounds: Mapping[str, float]) -> dict[str, int]:  # noqa: ARG002
        """See ``NetworkBuilder.counts``."""
        return {"params": self.blueprint.params, "macs": self.blueprint.macs}

    def for_inference(self, network: keras.Model) -> keras.Model:
        """See ``NetworkBuilder.for_inference``."""
        if all(type(node.layer).build_inference is Layer.build_inference for node in self.blueprint.nodes):
            return network
        twin = self.blueprint.to_keras(inference=True)
        twin.set_weights(network.get_weights())
        return twin


class PartBuilder(BlueprintBuilder):
    """Builds a part of a blueprint's network.

    Args:
        builder: builder of the whole network.
        part: the part.
    """

    def __init__(self, builder: NetworkBuilder, part: Blueprint) -> None:
        super().__init__(builder.problem, builder.point, builder.data)
        self._part = part

    @property
    def blueprint(self) -> Blueprint:
        """Description of the part."""
        return self._part


class KerasModelBuilder(NetworkBuilder):
    """Adapter of a user's ``build_model``, whose networks are compiled by itself and counted once they are built."""

    def build(self) -> keras.Model:
        """See ``NetworkBuilder.build``."""
        assert self.problem.build_model is not None  # a problem has one of the two
        model = self.problem.build_model(self.point, self.data.input_shape, self.data.classes)
        check_kind(model)
        _build(model, self.data.input_shape)
        return model

    def compile(self, training: Training, steps: int, cycles: Cycles) -> keras.Model:  # noqa: ARG002
        """See ``NetworkBuilder.compile``."""
        try:
            model = self.build()
        except ValueError as error:  # Keras' error for shapes that do not fit
            message = first_line(error) or type(error).__name__
            place = locate(error)
            raise NetworkRefused(
                "invalid architecture", message if place is None else f"{message} ({place})"
            ) from error
        check_compiled(model)
        check_shapes(model, self.data.input_shape, self.data.classes)
        return model

    def counts(self, model: keras.Model, training: Training, bounds: Mapping[str, float]) -> dict[str, int]:
        """See ``NetworkBuilder.counts``."""
        counted = count_keras(model)
        build_optimizer(model)
        slots = sum(math.prod(variable.shape) for variable in model.optimizer.variables)
        counts = {"params": counted.params, "macs": counted.macs}
        for name, value in {**counts, "memory": estimate_memory(counted, training, slots)}.items():
            if value > bounds.get(name, math.inf):
                raise NetworkRefused(name, f"{name} is {value:,}, more than the limit of {bounds[name]:,.0f}.")
        if counted.unknown:
            layers = ", ".join(counted.unknown)
            if "macs" in bounds:
                raise NetworkRefused("macs", f"macs cannot be counted: no rule covers the layers {layers}.")
            del counts["macs"]  # only a lower bound is known
            self.uncounted = counted.unknown
        return counts

    def for_inference(self, network: keras.Model) -> keras.Model:
        """Return the user's own model as it is."""
        return network


def _build(model: keras.Model, input_shape: tuple[int, ...]) -> None:
    """Create the weights of a model that were not created with it.

    ``Model.build`` of a subclass creates none, as only its ``call`` knows the layers' shapes, and yet marks it as
    built. A subclass is therefore called, symbolically.
    """
    if isinstance(model, keras.Sequential):
        if not model.built:
            model.build((None, *input_shape))
    elif not getattr(model, "inputs", None):  # those of a functional model are known
        model(keras.KerasTensor((None, *input_shape)))


def make_builder(problem: Any, point: Any, data: DataSet) -> NetworkBuilder:
    """Return the builder of a problem.

    Args:
        problem: a ``Problem``, or a module or class with ``network`` or ``build_model``.
        point: the hyperparameters.
        data: input shape and classes.
    """
    problem = Problem.of(problem)
    kind = BlueprintBuilder if problem.has_blueprint else KerasModelBuilder
    return kind(problem, point, data)
