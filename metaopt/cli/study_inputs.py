"""Inputs of commands about a study: its problem, its data, and a point from a file."""

import json
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from metaopt.backbones.source import identify_files
from metaopt.cli.errors import with_flags
from metaopt.data import NAMES, DataSet, DataSpec, load, resolve
from metaopt.data.images import InputArray
from metaopt.errors import StudyMismatch, UserError
from metaopt.problems.loading import (
    CNN,
    is_problem,
    list_ready_problems,
    load_earlier_references,
    load_problem,
    load_reference,
    read_source,
)
from metaopt.problems.problem import Problem
from metaopt.problems.source_digest import code_digest, is_same_program
from metaopt.spaces import Vals, compile_space
from metaopt.spaces.point_key import point_key
from metaopt.storage.comparison import find_changed_backbones
from metaopt.storage.study import Study, found_path
from metaopt.terminal.commands import absolute, shown
from metaopt.terminal.printable import printable
from metaopt.terminal.wrapping import print_wrapped
from metaopt.values.json_values import to_json_value

FIGURES = Path("figures")
ZOO = set(list_ready_problems()) - {CNN}
_SAMPLE = 16


def study_problem(study: Study, given: str | None = None) -> Problem:
    """Load the problem of a study, to run it.

    A study may be from somebody else, and its journal may name any file. So only three are run: a file that the user
    names, a ready problem of metaopt, and a file whose text is the source that the study holds.

    Args:
        study: the study.
        given: the problem that the user names, as for a search; None for that of the study.

    Raises:
        StudyMismatch: No file of the study's source is found.
        UserError: The study was searched from Python, or the given problem cannot be loaded.
    """
    kept = study.header["problem"]
    if given is not None:
        return as_begun(study, load_problem(given)).with_backbones(backbones_of(study))
    if not kept["name"]:
        raise UserError(
            f"The study in {shown(study.folder)} was searched from Python: it has no network that can be built."
        )
    path = require_source(study, given)
    if path is not None:
        problem = replace(load_problem(str(path)), name=kept["name"])
        return as_begun(study, problem).with_backbones(backbones_of(study))
    ready = ready_problem(study)
    assert ready is not None  # else `require_source` raises
    return ready


def backbones_of(study: Study) -> tuple[str, ...]:
    """Return the backbones that a study chooses from; empty for those of its space, or none."""
    return tuple(study.settings.get("backbones", ()))


def require_source(study: Study, given: str | None = None) -> Path | None:
    """Check, without running a file, that there is one that ``study_problem`` may run.

    Returns:
        The file or folder of the study's source; None where the user names a problem, or it is a ready one.

    Raises:
        StudyMismatch: There is none.
    """
    kept = study.header["problem"]
    if given is not None or not kept["name"] or kept["name"] in ZOO:
        return None
    path = _find_source(study)
    if path is None and ready_problem(study) is None:
        raise StudyMismatch(
            f"{kept['name']} has changed since the search in {shown(study.folder)}, or is gone. Restore it (the first"
            " line of journal.jsonl holds its source), or name the file with --space: unasked, only a file with the"
            " text of the study is run."
        )
    return path


def ready_problem(study: Study) -> Problem | None:
    """Return the problem of a study if it is part of metaopt, which no study can bring along; else None."""
    name = study.header["problem"]["name"]
    if name in ZOO:
        return load_problem(name).with_backbones(backbones_of(study))
    references = (load_reference(), *load_earlier_references()) if name == CNN else ()
    return next((one for one in references if _is_of(study, one)), None)


def _find_source(study: Study) -> Path | None:
    """Return the first file or folder, near the study or at its stored path, whose text is the study's source."""
    kept, beside = study.header["problem"], study.folder.resolve().parent
    name = kept["name"]
    near = [Path.cwd(), beside] if name == CNN else [absolute(name), beside / name, beside / Path(name).name]
    for path in [*([found_path(kept["path"], study.folder)] if kept["path"] else []), *near]:
        try:
            if is_problem(path) and is_same_program(read_source(path), kept.get("source") or ""):
                return path.resolve()
        except (OSError, ValueError):  # it cannot be read
            continue
    return None


def as_begun(study: Study, problem: Problem) -> Problem:
    """Return the reference problem as it was when a study began; any other problem as it is.

    The files of metaopt itself may have changed since, with a new version. Files that a user edited are not restored.
    """
    if problem.name != CNN or _is_of(study, problem):
        return problem
    return next((each for each in load_earlier_references() if _is_of(study, each)), problem)


def _is_of(study: Study, problem: Problem) -> bool:
    """Return whether a study was begun with the space and the network of a problem."""
    return study.holds_space(compile_space(problem.space)) and study.holds_network(code_digest(problem.code))


@dataclass(frozen=True)
class WrittenPoint:
    """A point as a JSON file holds it, which is not always the point that was trained.

    Attributes:
        point: the point in types of JSON: a tuple is a list, an infinity is null, a class is its text.
        vals: its draw, label → value, which a record also holds; None where the file is a bare point.
    """

    point: Any
    vals: dict[str, Any] | None = None


def read_point(path: Path) -> WrittenPoint:
    """Read a point from a JSON file: the point itself, or a record.

    Raises:
        UserError: The file cannot be read, or is not a JSON object.
    """
    try:
        content = json.loads(path.read_text())
    except (OSError, ValueError, RecursionError) as error:
        reason = (isinstance(error, OSError) and error.strerror) or error
        raise UserError(f"{shown(path)} cannot be read as a point in JSON ({reason}).") from error
    if not isinstance(content, dict):
        raise UserError(
            f"{shown(path)} is not a JSON object. Expected a record of results/, or the value of its key space."
        )
    if isinstance(content.get("vals"), dict) and "space" in content:
        return WrittenPoint(content["space"], content["vals"])
    return WrittenPoint(content["space"] if isinstance(content.get("space"), dict) else content)


def trained_point(problem: Problem, vals: Mapping[str, Any]) -> Any:
    """Return the very point that a search trained; the one in its record has passed through JSON."""
    return compile_space(problem.space).point(vals)


def point_of(problem: Problem, written: WrittenPoint, note: Callable[[str], None] = print_wrapped) -> Any:
    """Return the point of a file in the problem's own types.

    A point outside the space, such as one with other numbers that a user wrote, is taken as it is written.
    """
    space = compile_space(problem.space)
    try:
        vals = space.restrict(written.vals) if written.vals is not None else None
        if vals is None or point_key(to_json_value(space.point(vals))) != point_key(written.point):
            vals = space.vals(written.point, defaults=problem.defaults)
    except (UserError, TypeError, ValueError) as error:
        note(f"note: The point is used as it is written, since it is not of the study's space: {printable(error)}")
        return written.point
    return space.point(vals)


def find_vals(problem: Problem, path: Path) -> Vals:
    """Return the draw of a point in a file, see ``read_point``.

    Raises:
        UserError: The file cannot be read, or its point is none of the problem's space.
    """
    written, space = read_point(path), compile_space(problem.space)
    if written.vals is not None:
        with suppress(UserError, TypeError, ValueError):  # of another version of the space: its point counts
            vals = space.restrict(written.vals)
            if point_key(to_json_value(space.point(vals))) == point_key(written.point):
                return vals
    try:
        return space.vals(written.point, defaults=problem.defaults)
    except (UserError, TypeError, ValueError, OverflowError, RecursionError) as error:
        raise UserError(f"{shown(path)}: {error}") from error


def require_same_network(study: Study, problem: Problem) -> None:
    """Check that the network and the space, whose options draws number, have not changed since the search.

    Raises:
        StudyMismatch: It has, or a backbone in a file.
    """
    digests = list(identify_files(backbones_of(study)).values())
    if files := find_changed_backbones(study, digests):
        raise StudyMismatch(
            f"The backbone {' and '.join(str(shown(file)) for file in files)} has changed since the search in"
            f" {shown(study.folder)}: restore the file, or start a new search."
        )
    changed = [] if study.holds_network(code_digest(problem.code)) else ["network"]
    if "space" in study.header["fingerprint"] and not study.holds_space(compile_space(problem.space)):
        changed.append("space")
    if changed:
        what = f"{' and the '.join(changed)} of {shown(problem.path or problem.name)}"
        raise StudyMismatch(
            f"The {what} changed since the search in {shown(study.folder)}: restore the file (the first line of"
            " journal.jsonl holds its source), or start a new search."
        )


def located_data(stored: str, folder: Path) -> str:
    """Return the data set that a study keeps, as a name or an absolute path; see ``stored_path``."""
    return stored if stored in ("auto", *NAMES) else str(found_path(stored, folder))


def study_data(
    study: Study,
    note: Callable[[str], None] = print_wrapped,
    augment: str | None = None,
    skip_broken: bool = False,
    given: str | None = None,
) -> DataSet:
    """Load the data set of a study.

    Args:
        study: the study.
        note: called with messages for the user.
        augment: augmentation in the place of the study's own; None for that.
        skip_broken: leave out image files that cannot be read, even if the search did not.
        given: the data set where the user has it now; None for the place that the study keeps.

    Raises:
        StudyMismatch: Its images have changed.
        UserError: It is no longer there.
    """
    settings = study.settings
    kind = settings["augment"] if augment is None else augment
    cache, split_seed = str(study.folder / "cache"), settings.get("split_seed")
    skips = skip_broken or settings.get("skip_broken", False)
    targets = tuple(settings.get("targets", ()))
    place = located_data(settings["data"], study.folder) if given is None else given
    spec, _ = resolve(DataSpec(place, settings["image_size"], kind, cache, split_seed, skips, targets), gpu=False)
    data = load(spec)
    shown_data = shown(spec.data) if Path(spec.data).is_absolute() else spec.data
    if data.fingerprint != study.header["fingerprint"]["data"]:
        raise StudyMismatch(
            f"The images of {shown_data} have changed since the search in {shown(study.folder)}: restore them, or"
            " start a new search in another folder."
        )
    for text in data.notes_on(int(settings.get("folds", 1))):
        note(f"note: {printable(with_flags(text))}")
    return data


def some_images(data: DataSet) -> InputArray:
    """Return a few images or signals, to test whether a network returns probabilities."""
    images = data.everything()
    return images.batch(range(min(_SAMPLE, len(images))))[0]
