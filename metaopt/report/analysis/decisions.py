"""Course of each trial in a search whose strategy gives the figures of its decisions: when it trained, and why."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

from metaopt.report.analysis.study_data import StudyData
from metaopt.trials.record import Record
from metaopt.trials.trial_decision import TrialDecision

CHANCE = "chance_of_best"


@dataclass(frozen=True)
class Stretch:
    """Training of a trial to one rung.

    Attributes:
        begin: effort of the search when it began: epochs of all trials, or seconds where trials report no epochs.
        end: effort when the trial paused or ended.
        decision: decision that began it; None where it is not known.
        is_resumption: whether the search trained others, or left the trial, since its last stretch.
    """

    begin: float
    end: float
    decision: TrialDecision | None
    is_resumption: bool = False


@dataclass(frozen=True)
class Course:
    """Course of one trial.

    Attributes:
        record: its record.
        stretches: its training, in the order of time.
        left: (effort, decision) of each time that it was left at a rung: the effort when it had reached it.
    """

    record: Record
    stretches: tuple[Stretch, ...]
    left: tuple[tuple[float, TrialDecision], ...]

    @property
    def is_resumed(self) -> bool:
        """Whether it was ever resumed after a pause, rather than at once."""
        return any(stretch.is_resumption for stretch in self.stretches)


@dataclass(frozen=True)
class Savings:
    """Training of a search compared with that of all its trials to the end, failed trials apart.

    Attributes:
        trained: epochs trained, or seconds where they are the budget.
        full: those of full trainings of the same trials; of a trial that stopped early, its own.
        n_trials: number of trials.
        n_full: number of them that were trained to the end.
        n_resumed: number of them that resumed after a pause.
    """

    trained: int
    full: int
    n_trials: int
    n_full: int
    n_resumed: int


def has_decisions(study: StudyData) -> bool:
    """Return whether a strategy gave the figures of its decisions."""
    return any(record.decisions for record in study.records)


def is_in_epochs(study: StudyData) -> bool:
    """Return whether the effort of a search is counted in epochs, rather than in seconds."""
    return any(record.history or record.result.total_epochs for record in study.records)


def find_courses(study: StudyData) -> list[Course]:
    """Return the course of each own trial, by number."""
    in_epochs = is_in_epochs(study)
    records = sorted((record for record in study.records if not record.imported), key=lambda record: record.trial)
    return [_course(record, in_epochs) for record in records]


def find_savings(study: StudyData) -> Savings:
    """Return what a search has saved."""
    ended = [course for course in find_courses(study) if course.record.status == "ok"]
    records, top = [course.record for course in ended], study.settings["epochs"]
    return Savings(
        sum(trained(record, study) for record in records),
        sum(trained(record, study) if record.complete else top for record in records),
        len(records),
        sum(record.complete for record in records),
        sum(course.is_resumed for course in ended),
    )


def trained(record: Record, study: StudyData) -> int:
    """Return what a trial was trained, in the study's unit; less than its resource where it stopped early."""
    return record.epochs if study.budget_unit == "epochs" and record.epochs else record.resource


def last_judgement(record: Record) -> TrialDecision | None:
    """Return the last decision on a trial with its chance to become the best; None where there is none."""
    return next((decision for decision in reversed(record.decisions) if CHANCE in decision.reason), None)


def left_trials(study: StudyData) -> list[tuple[Record, TrialDecision]]:
    """Return the trials that are left below R, each with the decision; the largest chance to become the best first."""
    judged = [(record, last_judgement(record)) for record in study.records if record.status == "ok"]
    found = [(record, last) for record, last in judged if last is not None and last.kind in ("left", "ended")]
    return sorted(found, key=lambda one: (-one[1].reason[CHANCE], one[0].trial))


def best_trials(study: StudyData, count: int) -> list[Record]:
    """Return the best eligible trials, the best first."""
    eligible = [record for record in study.records if record.is_eligible]
    if eligible and study.objective.last_epoch_only:  # only the longest trainings compare
        longest = max(record.resource for record in eligible)
        eligible = [record for record in eligible if record.resource == longest]
    return sorted(eligible, key=lambda record: (record.loss, -record.trial))[:count]


def _course(record: Record, in_epochs: bool) -> Course:
    stretches = tuple(_stretches(record, in_epochs))
    ends = {result.resource: stretch.end for result, stretch in zip(record.results, stretches, strict=False)}
    left = [one for one in record.decisions if one.kind == "left"]
    return Course(record, stretches, tuple((ends.get(one.resource, _effort(one, in_epochs)), one) for one in left))


def _stretches(record: Record, in_epochs: bool) -> Iterator[Stretch]:
    """Yield the stretches of a trial, also the one in which it failed, or which it is training."""
    after = {id(one): earlier.kind for earlier, one in pairwise(record.decisions)}
    begun: list[TrialDecision | None] = [one for one in record.decisions if one.kind in ("started", "resumed")]
    if len(begun) < len(record.results):  # some are lost with a damaged journal
        known = {one.resource: one for one in begun if one is not None}
        begun = [known.get(result.resource) for result in record.results]
    trained, before, paused = 0, 0.0, None
    for number, decision in enumerate(begun):
        if number < len(record.results):
            result = record.results[number]
            epochs, seconds = result.epochs, result.seconds
            end = float(result.total_epochs) if in_epochs else result.clock
        else:
            epochs, seconds, end = record.epochs, record.seconds, None
        length = epochs - trained if in_epochs else max(0.0, seconds - before)
        begin = max(0.0, (end or 0.0) - length) if decision is None else _effort(decision, in_epochs)
        was_left = decision is not None and after.get(id(decision)) == "left"
        is_resumption = was_left or (in_epochs and paused is not None and begin > paused)
        paused = begin + length if end is None else end
        yield Stretch(begin, paused, decision, is_resumption)
        trained, before = epochs, seconds


def _effort(decision: TrialDecision, in_epochs: bool) -> float:
    return float(decision.spent) if in_epochs else decision.clock
