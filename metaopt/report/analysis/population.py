"""Population of an evolution over a search: its survivors each time that a trial paused or ended.

The survivors are those that the sampler itself derives from the trials that had ended by then.
"""

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from metaopt.engine.phases import Phases
from metaopt.engine.settings import read_settings
from metaopt.engine.setup import make_strategy
from metaopt.engine.strategy import SamplerScheduler
from metaopt.engine.view import observe
from metaopt.errors import UserError
from metaopt.report.analysis.study_data import StudyData
from metaopt.samplers import Evolution, History, Observation
from metaopt.spaces import Vals, compile_space
from metaopt.trials.constraints import Constraint
from metaopt.trials.record import Record

Values = npt.NDArray[np.float64]

# Moments at which the survivors are derived at most: of a study with more they are evenly spaced.
_MAX_MOMENTS = 400


@dataclass(frozen=True)
class PopulationStep:
    """Survivors at one moment of a search.

    Attributes:
        seconds: seconds of search by then.
        n_trials: number of trials that had paused or ended.
        members: records of the survivors, the best first.
    """

    seconds: float
    n_trials: int
    members: tuple[Record, ...]


@dataclass(frozen=True)
class Population:
    """The population of a search over its time.

    Attributes:
        steps: the moments at which there was one.
        metrics: names of the objective and of each metric with a limit.
        best: metric → (n,) its value of the best survivor at each step; NaN where it is unknown.
        mean: metric → (n,) its mean over the survivors.
    """

    steps: Sequence[PopulationStep]
    metrics: Sequence[str]
    best: dict[str, Values]
    mean: dict[str, Values]

    @property
    def seconds(self) -> Values:
        """(n,) seconds of search at each step."""
        return np.array([step.seconds for step in self.steps])

    @property
    def n_trials(self) -> Values:
        """(n,) number of trials that had paused or ended at each step."""
        return np.array([step.n_trials for step in self.steps], float)


@dataclass
class _Moment:
    """The trials that had paused or ended by one moment, as ``Phases`` reads a study."""

    trials: list["_Known"] = field(default_factory=list)
    exhausted: Sequence[int] = ()
    # The survivors depend on the ranks alone, so that the space is not needed.
    history: History = field(default_factory=lambda: History(compile_space({})))


@dataclass(frozen=True)
class _Known:
    """A trial as ``Phases`` reads it."""

    number: int
    imported: bool

    @property
    def is_own(self) -> bool:
        return not self.imported


def find_population(study: StudyData) -> Population | None:
    """Return the population of a search over its time; None where no sampler had one, or there are too few trials.

    Constraints are those in force now.

    Args:
        study: the study, with its imported trials, which may be survivors.
    """
    strategy = _strategy_of(study)
    if strategy is None or not isinstance(strategy.sampler, Evolution):
        return None
    steps = list(_derive_steps(study, strategy.sampler, strategy.phases))
    if not steps:
        return None
    limits = {limit.metric: limit for limit in study.constraints if not limit.is_cheap}
    metrics = list(dict.fromkeys([study.objective.name, *limits]))
    values = {
        record.trial: [_value(study, record, limits.get(name)) for name in metrics]
        for step in steps
        for record in step.members
    }
    best, mean = {}, {}
    for column, name in enumerate(metrics):
        best[name] = np.array([values[step.members[0].trial][column] for step in steps])
        mean[name] = np.array([np.mean([values[record.trial][column] for record in step.members]) for step in steps])
    return Population(steps, metrics, best, mean)


def write_table(populations: Sequence[tuple[str, Population]]) -> str:
    """Return the populations of some studies as CSV, one line per step.

    Args:
        populations: name of each study, and its population.
    """
    metrics = list(dict.fromkeys(name for _, population in populations for name in population.metrics))
    columns = [f"{kind}_{name}" for name in metrics for kind in ("best", "mean")]
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(["study", "seconds", "trials", "survivors", "best_trial", *columns])
    for study, population in populations:
        for index, step in enumerate(population.steps):
            numbers = [
                values[name][index] if name in values else np.nan
                for name in metrics
                for values in (population.best, population.mean)
            ]
            cells = ["" if np.isnan(number) else f"{number:.6g}" for number in numbers]
            row = [study, f"{step.seconds:.3f}", step.n_trials, len(step.members), step.members[0].trial]
            table.writerow([*row, *cells])
    return text.getvalue()


def _strategy_of(study: StudyData) -> SamplerScheduler | None:
    """Return the strategy of a study; None where this version cannot make it."""
    if not study.settings:
        return None
    try:
        strategy = make_strategy(read_settings(study.settings))
    except (UserError, KeyError):
        return None
    return strategy if isinstance(strategy, SamplerScheduler) else None


def _value(study: StudyData, record: Record, limit: Constraint | None) -> float:
    """Return the objective of a record, or the metric of a limit; NaN where it is unknown."""
    if limit is None or limit.metric == study.objective.name:
        return np.nan if record.loss is None else study.objective.value(record.loss)
    distance = record.constraints.get(str(limit))
    if distance is None:
        return np.nan
    return limit.bound + distance if limit.upper else limit.bound - distance


def _derive_steps(study: StudyData, sampler: Evolution, phases: Phases | None) -> Iterator[PopulationStep]:
    arrivals = _arrivals(study.records)
    stride = -(-len(arrivals) // _MAX_MOMENTS)
    records = {record.trial: record for record in study.records}
    known: dict[int, Observation] = {}
    moment = _Moment(exhausted=study.exhausted)
    for index, (seconds, observation) in enumerate(arrivals, start=1):
        known[observation.trial] = observation
        if index % stride and index < len(arrivals):
            continue
        moment.history = replace(moment.history, observations=tuple(known[number] for number in sorted(known)))
        history = moment.history
        if phases is not None:
            moment.trials = [_Known(number, records[number].imported) for number in sorted(known)]
            history = phases.history(moment)
        survivors = sampler.population(history)
        if survivors:
            yield PopulationStep(seconds, len(known), tuple(records[one.trial] for one in survivors))


def _arrivals(records: Sequence[Record]) -> list[tuple[float, Observation]]:
    """Return each trial as it was each time that it paused, ended or was imported, in the order of time."""
    found: list[tuple[tuple[Any, ...], Observation]] = []
    for record in records:
        vals = Vals(record.vals)
        if record.imported:
            key = record.ended or 0.0, 0, record.trial
            found.append((key, observe(record.trial, vals, [record.result], is_complete=True)))
            continue
        for index, result in enumerate(record.results, start=1):
            is_complete = record.complete and index == len(record.results)
            key = result.clock, result.total_epochs, record.trial
            found.append((key, observe(record.trial, vals, record.results[:index], is_complete=is_complete)))
        if record.status == "fail":
            epochs = max((result.total_epochs for result in record.results), default=0)
            found.append(((record.ended or 0.0, epochs, record.trial), Observation(record.trial, vals)))
    found.sort(key=lambda pair: pair[0])
    return [(key[0], observation) for key, observation in found]
