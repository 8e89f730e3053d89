"""Inputs of commands about a study: its problem, its data, and a point from a file."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from metaopt.commands import shown
from metaopt.data import DataSet, DataSpec, load
from metaopt.errors import StudyMismatch, UserError
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


def read_point(path: Path) -> Any:
    """Read a point from a JSON file: the point itself, or a record, whose key ``space`` holds it.

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
    space = content.get("space")
    return space if isinstance(space, dict) else content


def require_same_network(study: Study, problem: Problem) -> None:
    """Check that the network has not changed since the search.

    Raises:
        StudyMismatch: It has.
    """
    if not study.holds_network(code_digest(problem.code)):
        raise StudyMismatch(
            f"The network of {shown(problem.path or problem.name)} has changed since the search in"
            f" {shown(study.folder)}: restore it"
            " (the first line of journal.jsonl holds its source), or start a new search."
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
