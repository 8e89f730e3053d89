"""Inputs of commands about a study: its problem, its data, and a point from a file."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from metaopt.commands import shown
from metaopt.data import DataSet, DataSpec, load
from metaopt.errors import StudyMismatch, UserError
from metaopt.json_values import to_json_value
from metaopt.printable import printable
from metaopt.problems.loading import (
    CNN,
    is_problem,
    list_ready_problems,
    load_earlier_references,
    load_problem,
)
from metaopt.problems.problem import Problem
from metaopt.problems.source_digest import code_digest
from metaopt.spaces import compile_space
from metaopt.spaces.point_key import point_key
from metaopt.storage.study import Study

FIGURES = Path("figures")
ZOO = set(list_ready_problems()) - {CNN}
_SAMPLE = 16


def study_problem(study: Study) -> Problem:
    """Load the problem of a study from its stored path.

    Raises:
        UserError: It is no longer there.
    """
    kept = study.header["problem"]
    if not kept["name"]:
        raise UserError(
            f"The study in {shown(study.folder)} was searched from Python: it has no network that can be built."
        )
    if kept["path"] and kept["name"] not in ZOO and is_problem(Path(kept["path"])):
        return as_begun(study, replace(load_problem(kept["path"]), name=kept["name"]))
    # Its folder may have been moved as a whole.
    return as_begun(study, load_problem(kept["name"], study.folder.resolve().parent))


def as_begun(study: Study, problem: Problem) -> Problem:
    """Return the reference problem as it was when a study began; any other problem as it is.

    The files of metaopt itself may have changed since, with a new version. Files that a user edited are not restored.
    """
    if problem.name != CNN or _is_of(study, problem):
        return problem
    return next((each for each in load_earlier_references() if _is_of(study, each)), problem)


def _is_of(study: Study, problem: Problem) -> bool:
    """Return whether a study was begun with the space and the network of a problem."""
    is_same_space = study.header["fingerprint"].get("space") == compile_space(problem.space).digest
    return is_same_space and study.holds_network(code_digest(problem.code))


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
    except (OSError, ValueError) as error:
        raise UserError(f"{shown(path)} cannot be read as a point in JSON ({error}).") from error
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


def point_of(problem: Problem, written: WrittenPoint, note: Callable[[str], None] = print) -> Any:
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


def require_same_network(study: Study, problem: Problem) -> None:
    """Check that the network and the space, whose options draws number, have not changed since the search.

    Raises:
        StudyMismatch: It has.
    """
    changed = [] if study.holds_network(code_digest(problem.code)) else ["network"]
    if "space" in study.header["fingerprint"] and not study.holds_space(compile_space(problem.space)):
        changed.append("space")
    if changed:
        what = f"{' and the '.join(changed)} of {shown(problem.path or problem.name)}"
        raise StudyMismatch(
            f"The {what} changed since the search in {shown(study.folder)}: restore the file (the first line of"
            " journal.jsonl holds its source), or start a new search."
        )


def study_data(
    study: Study, note: Callable[[str], None] = print, augment: str | None = None, skip_broken: bool = False
) -> DataSet:
    """Load the data set of a study.

    Args:
        study: the study.
        note: called with messages for the user.
        augment: augmentation in the place of the study's own; None for that.
        skip_broken: leave out image files that cannot be read, even if the search did not.

    Raises:
        StudyMismatch: Its images have changed.
        UserError: It is no longer there.
    """
    settings = study.settings
    kind = settings["augment"] if augment is None else augment
    cache, split_seed = str(study.folder / "cache"), settings.get("split_seed")
    skips = skip_broken or settings.get("skip_broken", False)
    spec = DataSpec(settings["data"], settings["image_size"], kind, cache, split_seed, skips)
    data = load(spec)
    shown_data = shown(spec.data) if Path(spec.data).is_absolute() else spec.data
    if data.fingerprint != study.header["fingerprint"]["data"]:
        raise StudyMismatch(
            f"The images of {shown_data} have changed since the search in {shown(study.folder)}: restore them, or"
            " start a new search in another folder."
        )
    for text in data.notes:
        note(f"note: {printable(text)}")
    return data


def some_images(data: DataSet) -> npt.NDArray[np.uint8]:
    """Return a few images, to test whether a network returns probabilities."""
    images = data.everything()
    return images.batch(range(min(_SAMPLE, len(images))))[0]
