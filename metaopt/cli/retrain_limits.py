"""Constraints of a study in its final training: those that are given before it, and the verdict after it."""

from collections.abc import Sequence
from pathlib import Path

from metaopt.cli.search_checks import check_constraints
from metaopt.data import DataSet
from metaopt.errors import ConstraintViolated
from metaopt.report.analysis.evaluation import JudgedConstraint
from metaopt.report.console import constraint_line
from metaopt.storage.study import Study
from metaopt.terminal.commands import shown
from metaopt.training.model_file import ModelMetadata
from metaopt.trials.constraints import Constraint, parse_constraints


def find_constraints(study: Study, further: Sequence[str], data: DataSet) -> tuple[Constraint, ...]:
    """Return the constraints of a study and those that are given for its final model; the tighter of two counts.

    Raises:
        UserError: One cannot be parsed, contradicts another, or has an unknown metric or class.
    """
    if not further:
        return study.constraints
    check_constraints(parse_constraints(further), data)
    return parse_constraints([*map(str, study.constraints), *further])


def require_constraints(file: Path, judged: Sequence[JudgedConstraint], metadata: ModelMetadata) -> None:
    """Check that every constraint is met.

    Args:
        file: the model's file.
        judged: every constraint of the study on the exported model.
        metadata: metadata of the model, with its calibration.

    Raises:
        ConstraintViolated: One is not, on the calibration images or on the exported model.
    """
    on_test = [each for each in judged if each.is_violated]
    found = [constraint_line(each) for each in on_test]
    limits = metadata.training.get("calibration", {}).get("limits", [])
    found += [
        f"{each['limit']} is VIOLATED on the calibration images: {each['hits']:,} of {each['total']:,} images count as"
        f" {each['value']:.4g}"
        for each in limits
        if not each["kept"] and each["limit"] not in map(str, (one.constraint for one in on_test))
    ]
    if found:
        raise ConstraintViolated(f"{shown(file)} violates constraints: {'; '.join(found)}.")
