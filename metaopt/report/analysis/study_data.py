"""Input of every analysis and figure: the records of a study, with its objective, constraints and budget unit."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Self

from metaopt.engine.jobs import Unit
from metaopt.engine.strategy import strategy_name
from metaopt.storage.study import Study
from metaopt.trials.choice import BEST, choose_record, explain_choice
from metaopt.trials.constraints import Constraint
from metaopt.trials.objective import Objective
from metaopt.trials.record import Record, front_records
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
        name: name of the study's folder.
        subject: its data set, or the function that was searched, e.g. ``data digits``.
        strategy: name of its strategy.
        settings: settings of its latest run, as stored.
        exhausted: number of own trials each time that nothing new was found in a phase.
        unread: hyperparameters that neither the network nor the training reads: labels, or paths in the point, joined
            by dots. Figures leave them out.
        logarithmic: labels whose distribution is one of the logarithm; unknown in studies of earlier versions.
        further_objectives: the objectives after the first one.
        preference: which trial the study chooses, see ``metaopt.trials.choice.PREFERENCES``.
        is_of_function: whether a Python function was searched, which has no data and cannot be retrained.
    """

    records: tuple[Record, ...]
    objective: Objective
    constraints: tuple[Constraint, ...] = ()
    budget_unit: Unit = "epochs"
    n_validation: int | None = None
    name: str = ""
    subject: str = ""
    strategy: str = ""
    settings: Mapping[str, Any] = field(default_factory=dict)
    exhausted: tuple[int, ...] = ()
    unread: frozenset[str] = frozenset()
    logarithmic: frozenset[str] = frozenset()
    is_of_function: bool = False
    further_objectives: tuple[Objective, ...] = ()
    preference: str = BEST

    @classmethod
    def of(cls, study: Study, records: Iterable[Record] | None = None) -> Self:
        """Return the data of a study as it is now; a search may be running on it.

        Args:
            study: the study.
            records: its records, where they are known already.
        """
        settings, data = study.settings, study.header.get("data", {}).get("name")
        return cls(
            tuple(study.records if records is None else records),
            study.objective,
            study.constraints,
            settings.get("budget_unit", "epochs"),
            study.validation_images,
            name=study.folder.resolve().name,
            subject=f"data {data}" if data else f"function {settings['space']}" if settings else "",
            strategy=strategy_name(settings["sampler"], settings["scheduler"]) if settings else "",
            settings=settings,
            exhausted=tuple(study.state.exhausted),
            unread=study.state.unread,
            logarithmic=frozenset(study.header.get("logarithmic", ())),
            is_of_function=not data,
            further_objectives=study.objectives[1:],
            preference=study.preference,
        )

    @property
    def objectives(self) -> tuple[Objective, ...]:
        """All objectives, the first one first."""
        return (self.objective, *self.further_objectives)

    @property
    def front(self) -> list[Record]:
        """Pareto front, see ``Study.front``."""
        return front_records(self.records)

    @property
    def caption(self) -> str:
        """The study with its data and its strategy, as every figure names them."""
        study = f"study {self.name}" if self.name else ""
        strategy = f"strategy {self.strategy}" if self.strategy else ""
        return " · ".join(filter(None, (study, self.subject, strategy)))

    @property
    def judge(self) -> Judge:
        """Judge of results, by the objectives and the constraints."""
        return Judge(self.objectives, self.constraints)

    @property
    def best(self) -> Record | None:
        """Chosen feasible record, or None, see ``Study.best``."""
        return choose_record(self.records, self.preference, self.n_validation)

    @property
    def choice_note(self) -> str:
        """See ``Study.choice_note``."""
        return explain_choice(self.records, self.preference, self.n_validation)

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
