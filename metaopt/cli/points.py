"""What the commands about a search share: its problem, its data, and a point out of a file."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from metaopt.data import DataSet, DataSpec, load
from metaopt.errors import StudyMismatch, UserError
from metaopt.problems.loading import CNN, is_problem, list_ready_problems, load_problem
from metaopt.problems.problem import Problem
from metaopt.problems.source_digest import code_digest
from metaopt.storage.study import Study

FIGURES = Path("figures")
ZOO = set(list_ready_problems()) - {CNN}
_SAMPLE = 16


def study_problem(study: Study) -> Problem:
    """The problem that a study was searched over, from where it was then.

    Raises:
        UserError: it is no longer there.
    """
    kept = study.header["problem"]
    if not kept["name"]:
        raise UserError(f"the study in {study.folder} was searched from Python: it has no network that could be built.")
    if kept["path"] and kept["name"] not in ZOO and is_problem(Path(kept["path"])):
        return replace(load_problem(kept["path"]), name=kept["name"])
    return load_problem(kept["name"], study.folder.resolve().parent)  # its folder may have been moved as a whole


def read_point(path: Path) -> Any:
    """A point out of a JSON file: the point itself, or a record, whose key ``space`` holds it.

    Raises:
        UserError: the file cannot be read, or is no JSON object.
    """
    try:
        content = json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise UserError(f"{path} cannot be read as a point in JSON ({error}).") from error
    if not isinstance(content, dict):
        raise UserError(f"{path} holds no JSON object: give a record of results/, or its key space alone.")
    space = content.get("space")
    return space if isinstance(space, dict) else content


def require_same_network(study: Study, problem: Problem) -> None:
    """Refuses a network that is another one than was searched.

    Raises:
        StudyMismatch: it is.
    """
    if not study.holds_network(code_digest(problem.code)):
        raise StudyMismatch(
            f"the network of {problem.path} has changed since the search in {study.folder}: put it back as it was (the"
            " first line of its journal.jsonl holds the source), or search anew."
        )


def study_data(study: Study, note: Callable[[str], None] = print, augment: str | None = None) -> DataSet:
    """The study's data set.

    Args:
        study: whose.
        note: is told what there is to say of it.
        augment: in the place of the study's own; None for that.

    Raises:
        StudyMismatch: its images are others now.
        UserError: it is no longer there.
    """
    settings = study.settings
    kind = settings["augment"] if augment is None else augment
    spec = DataSpec(settings["data"], settings["image_size"], kind, str(study.folder / "cache"))
    data = load(spec)
    if data.fingerprint != study.header["fingerprint"]["data"]:
        raise StudyMismatch(
            f"{settings['data']} holds other images now than at the search in {study.folder}: put them back, or search"
            " anew into another folder."
        )
    for text in data.notes:
        note(f"note: {text}")
    return data


def some_images(data: DataSet) -> npt.NDArray[np.uint8]:
    """A few images, which show whether a network gives probabilities."""
    images = data.everything()
    return images.batch(range(min(_SAMPLE, len(images))))[0]
