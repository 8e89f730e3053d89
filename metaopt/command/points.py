"""What the commands about a finished search share: its problem, and a point out of a file."""

import json
from pathlib import Path
from typing import Any

from metaopt.errors import UserError
from metaopt.study.problem import Problem
from metaopt.study.study import Study
from metaopt.zoo.loading import load_problem

FIGURES = Path("figures")


def study_problem(study: Study) -> Problem:
    """The problem that a study was searched over, from where it was then.

    Raises:
        UserError: it is no longer there.
    """
    kept = study.header["problem"]
    if not kept["name"]:
        raise UserError(f"the study in {study.folder} was searched from Python: it has no network that could be built.")
    beside = Path(kept["path"]).parent if kept["path"] else None
    return load_problem(kept["name"], beside)


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
