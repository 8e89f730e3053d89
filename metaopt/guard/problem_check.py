"""Check of a problem: faults of its space, network and training configuration, found without Keras or data."""

import inspect
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from metaopt.errors import UserError, hint, nearest
from metaopt.guard.acceptance import Acceptance, measure_acceptance
from metaopt.guard.guard import Guard
from metaopt.outputs import ImageOutput
from metaopt.problems.mistakes import Mistake, find_mistake, locate
from metaopt.problems.optimizers import OPTIMIZERS
from metaopt.problems.problem import Classes, Problem
from metaopt.problems.unread import Unread, describe_unread, find_paths, find_unread
from metaopt.spaces import Space, compile_space
from metaopt.spaces.logarithms import logarithms_in_doubt
from metaopt.spaces.point_key import point_key
from metaopt.trials.constraints import Constraint

DRAWS = 100
_REPEATED = 10  # networks that are made twice
_FEW = 0.1  # share of valid draws below which the cause of the others is told
_CALLS: dict[str, tuple[Sequence[str], Sequence[str]]] = {
    "network": (("point", "input_shape", "classes"), ()),
    "build_model": (("point", "input_shape", "classes"), ()),
    "training": (("point",), ()),
    "build_and_train": (("point", "data"), ("epochs", "checkpoint")),
}
"""Function → its positional and its keyword arguments."""


@dataclass(frozen=True, eq=False)
class DataKind:
    """Input and outputs of networks.

    Attributes:
        name: for users.
        input_shape: (height, width, channels), or (length, channels) of signals.
        classes: head → number of classes, or output.
    """

    name: str
    input_shape: tuple[int, ...]
    classes: Classes


TYPICAL_KINDS = (
    DataKind("images of 32×32×3, 10 classes", (32, 32, 3), {"label": 10}),
    DataKind("images of 8×8×1, 10 classes", (8, 8, 1), {"label": 10}),
    DataKind("images of 128×128×3, 2 classes", (128, 128, 3), {"label": 2}),
    DataKind("signals of 1,000×1, 3 classes", (1000, 1), {"label": 3}),
    DataKind("image targets of 32×32×3", (32, 32, 3), {"label": ImageOutput((32, 32, 3))}),
)


@dataclass
class ProblemCheck:
    """Findings of a check.

    Attributes:
        faults: what a search would stop at or suffer from, a sentence or more each.
        notes: what may be meant otherwise.
        space: the compiled space; None where it is invalid.
        accepted: kind of data → its draws, of the kinds that fit the problem; empty without ``network``.
    """

    faults: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    space: Space | None = None
    accepted: dict[DataKind, Acceptance] = field(default_factory=dict)


def check_problem(
    problem: Problem, kinds: Sequence[DataKind] = TYPICAL_KINDS, constraints: Sequence[Constraint] = ()
) -> ProblemCheck:
    """Check a problem by drawing points and making their networks.

    Args:
        problem: the problem.
        kinds: kinds of data, of which it has to fit one.
        constraints: limits that its networks are to meet.
    """
    found = ProblemCheck()
    found.faults += _faults_of_signatures(problem)
    try:
        space = found.space = compile_space(problem.space)
    except UserError as error:
        found.faults.append(str(error))
        return found
    found.notes += logarithms_in_doubt(space)
    found.faults += _faults_of_defaults(problem, space)
    if found.faults or not problem.has_blueprint:
        return found
    examined = [_examine(problem, space, kind, constraints) for kind in kinds]
    fitting = [each for each in examined if each.acceptance.passed]
    # A network for images need not fit signals: only of a problem that fits nothing every mistake is told.
    for each in fitting or examined[:1]:
        found.faults += [text for text in each.mistakes if text not in found.faults]
    if not fitting:
        if not examined[0].mistakes:
            found.faults.append(str(examined[0].acceptance.rejections.explain(examined[0].guard)))
        return found
    found.accepted = {each.kind: each.acceptance for each in fitting}
    best = max(fitting, key=lambda each: each.acceptance.share)
    found.faults += _faults_of_networks(problem, space, best)
    found.notes += _notes_on_few(fitting if len(kinds) == 1 else [best])
    if not found.faults and problem.build_and_train is None:
        found.notes += _notes_on_unread(problem, space, [each.kind for each in fitting])
    return found


@dataclass(frozen=True)
class _Examination:
    """Draws of a problem for one kind of data, and the mistakes that they met."""

    kind: DataKind
    guard: Guard
    acceptance: Acceptance
    mistakes: list[str]


def _examine(problem: Problem, space: Space, kind: DataKind, constraints: Sequence[Constraint]) -> _Examination:
    guard = Guard(problem, kind.input_shape, kind.classes, constraints)
    mistakes: Counter[str] = Counter()
    examples: dict[str, str] = {}

    def note(error: Exception, point: Any) -> None:  # noqa: ARG001
        text = _describe(error, (problem.network, problem.training))
        place = locate(error, (problem.network, problem.training)) or text
        mistakes[place] += 1
        examples.setdefault(place, text)

    acceptance = measure_acceptance(space, guard, DRAWS, "check", note)
    texts = [f"{examples[place]}{_how_often(count)}" for place, count in mistakes.most_common(3)]
    return _Examination(kind, guard, acceptance, texts)


def _how_often(count: int) -> str:
    return "" if count == DRAWS else f"\n  (in {count} of {DRAWS} draws)"


def _describe(error: Exception, functions: Iterable[Callable[..., Any] | None]) -> str:
    """Return the text of an error of a problem's functions.

    Raises:
        Exception: The error is a bug of metaopt.
    """
    if isinstance(error, Mistake):
        return str(error)
    if isinstance(error, UserError):
        place = locate(error, functions)
        return str(error) if place is None else f"{place}: {error}"
    mistake = find_mistake(error, functions)
    if mistake is None:
        raise error
    return str(mistake)


def _faults_of_signatures(problem: Problem) -> list[str]:
    faults = []
    for name, (positional, keywords) in _CALLS.items():
        function = getattr(problem, name)
        if function is None:
            continue
        try:
            signature = inspect.signature(function)
        except (TypeError, ValueError):  # a callable without a known signature
            continue
        try:
            signature.bind(*positional, **dict.fromkeys(keywords))
        except TypeError:
            call = ", ".join([*positional, *(f"{each}=…" for each in keywords)])
            faults.append(f"{name}{signature} cannot be called as {name}({call}). Change its parameters to these.")
    return faults


def _faults_of_defaults(problem: Problem, space: Space) -> list[str]:
    faults = []
    points = problem.default if isinstance(problem.default, list) else [problem.default]
    for point in points if problem.default is not None else []:
        try:
            space.vals(point, defaults=problem.defaults)
        except (UserError, TypeError, ValueError) as error:
            faults.append(f"default: {error}")
    paths = {path for paths in find_paths(space.root).values() for path in paths}
    for key in problem.defaults:
        if key not in paths and not any(path.startswith(f"{key}.") for path in paths):
            near = nearest(str(key), paths)
            faults.append(
                f"defaults: {key} is no key of the space."
                + (" Remove it." if near is None else f" Did you mean {near}?")
            )
    return faults


def _faults_of_networks(problem: Problem, space: Space, examined: _Examination) -> list[str]:
    """Return faults of networks that can be made: other ones the next time, changed points, unknown optimizers."""
    kind, passed = examined.kind, examined.acceptance.passed
    for draw in passed[:_REPEATED]:
        point = space.point(draw.vals)
        before = point_key(point)
        first = problem.blueprint(point, kind.input_shape, kind.classes)
        problem.training_of(point)
        if point_key(point) != before:
            return ["network or training changes the point that it is given. Copy it first: point = dict(point)."]
        second = problem.blueprint(point, kind.input_shape, kind.classes)
        assert first is not None
        assert second is not None
        if first.hash != second.hash:
            return [
                "network returns another network each time it is called with one point. A point must describe its"
                " network completely: draw random numbers in the space instead."
            ]
    names = dict.fromkeys(str(problem.training_of(space.point(draw.vals)).optimizer) for draw in passed)
    known = {name.lower() for name in OPTIMIZERS}
    unknown = [name for name in names if name.lower() not in known]
    return [f"training: unknown optimizer {name}. {hint(name, OPTIMIZERS)}" for name in unknown]


def _notes_on_unread(problem: Problem, space: Space, kinds: Sequence[DataKind]) -> list[str]:
    """Return sentences on hyperparameters that have no effect on any kind of data that fits."""
    every = {key for keys in find_paths(space.root).values() for key in keys}
    unread = every
    for kind in kinds:
        unread = unread & set(find_unread(space, problem, kind.input_shape, kind.classes).keys)
        if not unread:
            return []
    return describe_unread(Unread(tuple(sorted(unread))), every - unread)


def _notes_on_few(examined: Sequence[_Examination]) -> list[str]:
    notes = []
    for each in examined:
        if each.acceptance.share >= _FEW:
            continue
        rejections = each.acceptance.rejections
        reason, count = rejections.reasons.most_common(1)[0]
        cause = rejections.faults.most_common(1)[0][0] if rejections.faults else reason
        notes.append(
            f"Only {100 * each.acceptance.share:.0f} % of the draws are networks that pass for {each.kind.name}; a"
            f" search repairs or redraws the others. {count} of {DRAWS}: {reason}"
            + ("." if cause == reason else f", most often {cause.removesuffix('.')}.")
        )
    return notes
