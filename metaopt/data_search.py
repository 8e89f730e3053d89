"""``metaopt.search_data``: search from Python for the network of a data set, as the command does."""

import os
import re
from argparse import BooleanOptionalAction, Namespace
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from typing import Any

from metaopt.cli.arguments import Parser
from metaopt.cli.search import conduct
from metaopt.cli.search_flags import make_parser
from metaopt.cli.search_preparation import prepare
from metaopt.engine.callbacks import Callback, CallbackList
from metaopt.errors import UserError, invalid_value, nearest
from metaopt.public_study import Study
from metaopt.report.console import make_progress

_PROG = "metaopt search"
_NAMES = {"constraints": "constraint", "seconds": "time"}  # parameter → option of the command
_NO_OPTIONS = ("help", "version", "debug", "dry_run", "serve")


def search_data(
    data: str | os.PathLike[str],
    *,
    space: str | os.PathLike[str] = "auto",
    backbones: Sequence[str | os.PathLike[str]] = (),
    folds: int | str = "auto",
    prefer: str | None = None,
    objective: str | Sequence[str] = (),
    constraints: str | Sequence[str] = (),
    strategy: str | None = None,
    epochs: int | None = None,
    trials: int | None = None,
    seconds: float | str | None = None,
    seed: int | None = None,
    results: str | os.PathLike[str] = "results",
    callbacks: Sequence[Callback] = (),
    progress: bool = True,
    **options: Any,
) -> Study:
    """Search for the network of a data set and its training, or resume such a search; metaopt trains with Keras.

    It is what ``metaopt search`` does, with the same settings.

    Args:
        data: a folder of class folders, a ``.npz`` file, or a name such as ``"digits"``.
        space: ``"auto"``, which selects a ready space by data set, limits and device and tells why; its name, e.g.
            ``"transfer"``; or a problem file. A study that is resumed keeps its own.
        backbones: pretrained networks that the space ``transfer`` chooses from, ``.keras`` files or names of
            ``keras.applications``; by default its own.
        folds: number of folds that each trial trains; ``"auto"`` chooses it by the number of images.
        prefer: trial that ``.best`` is: ``"best"``, or ``"small"`` for the smallest network within one standard error
            of the best. By default that of the study, ``"best"`` for a new one.
        objective: one or more objectives; by default by the kinds of targets, e.g. ``"val_accuracy"``.
        constraints: one or more, e.g. ``"params<=200k"``.
        strategy: name of the strategy; by default that of the study, ``"auto"`` for a new one.
        epochs: maximum epochs of a trial; by default by the data set.
        trials: number of trials that the study is to have in all, 50 for a new one.
        seconds: time limit of this run in seconds or as a text such as ``"1h30m"``, or None.
        seed: an integer >= 0; by default that of the study, 0 for a new one.
        results: folder of the study.
        callbacks: are told what happens.
        progress: whether the progress is shown on standard output, as by the command.
        options: other options of ``metaopt search`` by their names, with underscores, e.g. ``executor="inline"``,
            ``image_size=96`` or ``race=False``; several values of one are a list.

    Returns:
        The study, see ``metaopt.search``.

    Raises:
        UserError: An option is unknown or its value invalid, the data cannot be read, or the study in ``results`` does
            not match, is locked or is damaged; see ``metaopt.errors``.
    """
    given = {
        **{"data": data, "space": space, "backbones": backbones, "folds": folds, "prefer": prefer},
        **{"objective": objective, "constraints": constraints, "strategy": strategy, "epochs": epochs},
        **{"trials": trials, "seconds": seconds, "seed": seed, "results": results},
    }
    with _naming_parameters():
        arguments = _parse({**given, **options})
        with make_progress() if progress else nullcontext(Callback()) as display:
            callback = _Notes([display, *callbacks])
            study = conduct(arguments, prepare(arguments, None, callback), callback)
        study.require_best()
    return Study(study.folder, study.state)


class _Notes(CallbackList):
    """Tells callbacks, with names of parameters for the flags in notes."""

    def note(self, message: str) -> None:
        """See ``Callback.note``."""
        super().note(_name_parameters(message))


def _parse(given: Mapping[str, Any]) -> Namespace:
    """Return the arguments of the command for some options.

    Raises:
        UserError: An option is unknown, or its value invalid.
    """
    parser = make_parser(_PROG, searches=True)
    words: list[str] = []
    for name, value in given.items():
        words += _write(parser, name, value)
    arguments: Namespace = parser.parse_args(words)
    return arguments


def _write(parser: Parser, name: str, value: Any) -> list[str]:
    """Return an option as the words of a command; none where its value is None."""
    actions = {action.dest: action for action in parser._actions if action.dest not in _NO_OPTIONS}
    action = actions.get(_NAMES.get(name, name))
    if action is None:
        near = nearest(name, actions)
        raise UserError(f"Unknown option: {name}." + ("" if near is None else f" Did you mean {near}?"))
    flag = action.option_strings[0]
    if value is None or (value is False and action.nargs == 0 and not isinstance(action, BooleanOptionalAction)):
        return []
    if isinstance(value, bool):
        if action.nargs != 0:
            raise invalid_value(name, value, "Expected a number or a text.")
        return [flag if value else f"--no-{flag.removeprefix('--')}"]
    values = value if isinstance(value, list | tuple) else [value]
    if name == "seconds":
        values = [each if isinstance(each, str) else f"{each}s" for each in values]
    return [f"{flag}={os.fspath(each) if isinstance(each, os.PathLike) else each}" for each in values]


@contextmanager
def _naming_parameters() -> Iterator[None]:
    """Put names of parameters for the flags in errors."""
    try:
        yield
    except UserError as error:
        error.args = (_name_parameters(str(error)), *error.args[1:])
        raise


def _name_parameters(text: str) -> str:
    """Return a text for a user with names of parameters for the flags in it."""
    names = {action.option_strings[0]: action.dest for action in make_parser(_PROG, searches=True)._actions}
    names |= {f"--{option}": name for name, option in _NAMES.items()}
    text = re.sub(r" See `[^`]* --help`\.", "", text)
    return re.sub(r"--[a-z][a-z-]*", lambda flag: names.get(flag[0], flag[0]), text)
