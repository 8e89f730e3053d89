"""Input of every analysis and figure: the records of a study, with its objective, constraints and budget unit."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Self

from metaopt.engine.jobs import Unit
from metaopt.storage.study import Study
from metaopt.trials.constraints import Constraint
from metaopt.trials.objective import Objective
from metaopt.trials.record import Record, best_record
from metaopt.trials.result import Judge


@dataclass(frozen=True)
class StudyData:
    """Records of a study, and the settings that they are judged by.

    Attributes:
        records: records of the trials that ended or are paused.
        objective: the objective.
        constraints: constraints in force.
        budget_unit: unit of resources.
        n_validation: number of validation images, with folds of all folds together; None if unknown.
    """

    records: tuple[Record, ...]
    objective: Objective
    constraints: tuple[Constraint, ...] = ()
    budget_unit: Unit = "epochs"
    n_validation: int | None = None

    @classmethod
    def of(cls, study: Study) -> Self:
        """Return the data of a study as it is now; a search may be running on it."""
        return cls(
            tuple(study.records),
            study.objective,
            study.constraints,
            study.settings.get("budget_unit", "epochs"),
            study.validation_images,
        )

    @property
    def judge(self) -> Judge:
        """Judge of results, by the objective and the constraints."""
        return Judge((self.objective,), self.constraints)

    @property
    def best(self) -> Record | None:
        """Best feasible record, or None; imported trials never count."""
        return best_record(self.records)

    @property
    def with_loss(self) -> list[Record]:
        """Records of the trials that succeeded with a finite loss, feasible or not."""
        return [record for record in self.records if record.has_loss]

    def of_records(self, records: Iterable[Record]) -> "StudyData":
        """Return the data with other records."""
        return replace(self, records=tuple(records))

    def without_imported(self) -> "StudyData":
        """Return the data without imported trials."""
        return self.of_records(record for record in self.records if not record.imported)


def metric_at_best_epoch(record: Record, name: str) -> float | None:
    """Return a metric of a trial at its best epoch; None where it has none."""
    if not record.history or record.best_epoch is None:
        return None
    return record.metrics(record.best_epoch).get(name)
