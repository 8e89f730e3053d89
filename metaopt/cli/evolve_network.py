"""Network and data of ``metaopt evolve``: a .keras file, a study's best point, or a problem."""

from argparse import Namespace
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from metaopt.blueprint import InvalidArchitecture
from metaopt.cli.errors import with_flags
from metaopt.cli.study_inputs import (
    point_of,
    read_point,
    require_same_network,
    study_data,
    study_problem,
    trained_point,
)
from metaopt.data import DataSet, DataSpec, load, resolve
from metaopt.data.target_kinds import check_new_heads
from metaopt.errors import UserError
from metaopt.problems import load_problem
from metaopt.problems.augmentation_policy import AugmentationPolicy
from metaopt.problems.problem import Problem, fitting
from metaopt.problems.training_config import CONSTANT
from metaopt.randomness import make_generator
from metaopt.spaces import compile_space
from metaopt.storage.study import JOURNAL, Study, read_begun
from metaopt.terminal.commands import absolute, shown
from metaopt.terminal.printable import printable
from metaopt.terminal.wrapping import print_wrapped
from metaopt.values.safe_text import first_line

_SUFFIX = ".keras"
_DRAWS = 1000
_FLAGS = {"backbones": "--backbone", "point": "--point", "space": "--space", "targets": "--target"}


class LoadedNetwork(NamedTuple):
    """A network to evolve, with its data.

    Attributes:
        model: the compiled model.
        data: the data set.
        batch_size: batch size of the model's point, or None.
        augmentation: augmentation policy of the model's point, or None.
    """

    model: Any
    data: DataSet
    batch_size: int | None = None
    augmentation: AugmentationPolicy | None = None


def load_network(arguments: Namespace) -> LoadedNetwork:
    """Return the compiled model, the data set, and what the training of the model's point says.

    Raises:
        UserError: One does not exist, they do not fit together, or an option has no effect on them.
    """
    name = arguments.network
    if name.endswith(_SUFFIX):
        _refuse_unused(arguments, "a .keras file", "backbones", "point", "space")
        return LoadedNetwork(_load_file(absolute(name)), _load_data(arguments))
    folder = absolute(name)
    if (folder / JOURNAL).is_file():
        own = arguments.data is None and arguments.image_size is None
        _refuse_unused(arguments, "a study", "backbones", *(["targets"] if own else []))
        study = Study.load(folder)
        problem = study_problem(study, arguments.space)
        require_same_network(study, problem)
        vals = None if arguments.point is not None else study.require_best().vals
        point = trained_point(problem, vals) if vals is not None else _given_point(problem, arguments)
        data = study_data(study, augment=arguments.augment) if own else _load_data(arguments)
        return _build(problem, point, data)
    _refuse_unused(arguments, "a problem", "space")
    problem = load_problem(name).with_backbones(tuple(arguments.backbones or ()))
    data, is_given = _load_data(arguments), arguments.point is not None
    point = _given_point(problem, arguments) if is_given else _default_point(problem, data, arguments.seed)
    return _build(problem, point, data)


def _refuse_unused(arguments: Namespace, network: str, *names: str) -> None:
    """Refuse options that the kind of network does not use.

    Raises:
        UserError: One is given.
    """
    for name in names:
        if getattr(arguments, name):
            raise UserError(f"{_FLAGS[name]} has no effect on {network}: leave it out.")


def _load_file(path: Path) -> Any:
    """Return the model of a file.

    Raises:
        UserError: There is none, or Keras cannot read it.
    """
    import keras

    if not path.is_file():
        raise UserError(f"There is no file {shown(path)}.")
    try:
        return keras.models.load_model(path)
    except (ValueError, TypeError, OSError) as error:
        reason = first_line(error)
        raise UserError(f"{shown(path)} cannot be read as a Keras model: {reason}") from error


def _load_data(arguments: Namespace) -> DataSet:
    cache = str(Path(arguments.results) / "cache")
    given = "auto" if arguments.data is None else arguments.data
    augment = "auto" if arguments.augment is None else arguments.augment
    spec = DataSpec(
        *(given, arguments.image_size, augment, cache, None, arguments.skip_broken, tuple(arguments.targets or ()))
    )
    spec, notes = resolve(spec, gpu=False)
    data = load(spec)
    if not read_begun(absolute(arguments.results)).has_begun:
        check_new_heads(data.outputs, data.name)
    for text in (*notes, *data.notes):
        print_wrapped(f"note: {printable(with_flags(text))}")
    return data


def _given_point(problem: Problem, arguments: Namespace) -> Any:
    return point_of(problem, read_point(arguments.point))


def _default_point(problem: Problem, data: DataSet, seed: int) -> Any:
    """Return the point that the problem says is good; else the middle of its space, or a draw, with a valid network.

    Raises:
        UserError: No network of the space fits the data.
    """
    default = problem.default
    if isinstance(default, list):
        default = default[0] if default else None
    if default is not None:
        return default
    space = compile_space(problem.space)
    middle = space.point(space.decode(np.full(len(space.parameters), 0.5)))
    draws = (space.point(space.draw(make_generator(seed, 0, "default point", number))) for number in range(_DRAWS))
    for point in (middle, *draws):
        try:
            problem.blueprint(point, data.input_shape, data.classes)
        except InvalidArchitecture:
            continue
        return point
    raise UserError(f"None of {_DRAWS} networks of {problem.name} fits the data. Give a point that does.", "point")


def _build(problem: Problem, point: Any, data: DataSet) -> LoadedNetwork:
    """Return the compiled network of a point; its learning rate is constant, as mutations change it.

    Raises:
        UserError: The point does not fit the problem, or its network not the data.
    """
    from metaopt.training.compiling import compile_model

    if not problem.has_blueprint:
        from metaopt.training.network_builder import make_builder

        builder = make_builder(problem, point, data)
        training = problem.training_of(point)
        return LoadedNetwork(builder.compile(training, 1, ()), data, augmentation=training.augmentation)
    blueprint = fitting(problem, lambda: problem.blueprint(point, data.input_shape, data.classes))
    training = fitting(problem, lambda: problem.training_of(point))
    plain = replace(training, schedule=CONSTANT, label_smoothing=0.0, mixup=0.0, cutout=0, augmentation=None)
    model = compile_model(blueprint.to_keras(), plain, data.classes)
    return LoadedNetwork(model, data, training.batch_size, training.augmentation)
