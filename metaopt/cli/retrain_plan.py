"""Plan of ``metaopt retrain``: point, number of epochs, seed and output file."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from metaopt.cli.study_inputs import WrittenPoint, point_of, read_point, trained_point
from metaopt.problems.problem import Problem
from metaopt.problems.training_config import CONSTANT, COOLDOWN, COSINE, COSINE_RUNG
from metaopt.randomness import derive_seed
from metaopt.spaces.point_key import point_key
from metaopt.storage.study import Study
from metaopt.trials.ranking import RANKING
from metaopt.trials.record import Record
from metaopt.values.value_identity import sign_draw

# Neither sorts after the records model_*.json, of which the last is to be the best.
BEST, CHOSEN = "best.keras", "chosen.keras"


@dataclass(frozen=True)
class Plan:
    """Plan of a final training.

    Attributes:
        point: the hyperparameters; until ``with_trained_point``, as JSON holds them.
        written: the point as JSON holds it, with its draw where it is known.
        record: record of the trial that trained it in the search, or None.
        epochs: number of epochs.
        reason: reason for this number.
        seed: seed of initial weights, order and augmentation.
        output: the model's file.
        recipe: fields of ``Training`` that replace the problem's own.
        members: number of networks whose predictions the model averages.
    """

    point: Any
    written: WrittenPoint
    record: Record | None
    epochs: int
    reason: str
    seed: int
    output: Path
    recipe: Mapping[str, Any] = field(default_factory=dict)
    members: int = 1

    @property
    def seeds(self) -> list[int]:
        """Seeds of the networks; the first is the seed itself, so that one network alone is the same as the first."""
        others = [derive_seed(self.seed, self.trial, "member", number) for number in range(1, self.members)]
        return [self.seed, *others]

    @property
    def trial(self) -> int:
        """Number of the trial; 0 for a point that the search did not train."""
        return 0 if self.record is None else self.record.trial

    @property
    def name(self) -> str:
        """Name for messages."""
        return "a point that the search did not train" if self.record is None else f"trial {self.trial}"


def make_plan(
    study: Study,
    point_file: Path | None,
    epochs: int | None,
    seed: int | None,
    output: Path | None,
    recipe: Mapping[str, Any] | None = None,
    members: int = 1,
) -> Plan:
    """Return the plan, with defaults for options that are left out.

    Args:
        study: the study.
        point_file: file of a point or a record, or None for the best.
        epochs: number of epochs, or None for the best epoch of the trial.
        seed: seed, or None for the study's.
        output: the model's file, or None for one in the study's folder.
        recipe: fields of ``Training`` that differ from the search.
        members: number of networks.

    Raises:
        UserError: There is no best trial, or the point's file cannot be read.
    """
    if point_file is None:
        best = study.require_best()
        record: Record | None = best
        written = WrittenPoint(best.point, dict(best.vals))
    else:
        written = read_point(point_file)
        record = find_trial(study, written)
    number, reason = _epochs(epochs, record, _longest(study))
    own_seed = int(study.header.get("seed", 0))
    own_output = study.folder / (BEST if point_file is None else CHOSEN)
    return Plan(
        written.point,
        written,
        record,
        number,
        reason,
        own_seed if seed is None else seed,
        own_output if output is None else output,
        dict(recipe or {}),
        members,
    )


def plan_candidates(study: Study, plan: Plan, count: int, *, are_epochs_given: bool) -> list[Plan]:
    """Return the plans of the candidates of an ensemble: the front first, then the other trials, the best first.

    Args:
        study: the study.
        plan: plan of the best trial, whose seed and flags are those of all.
        count: number of candidates, at most; of trials with equal points one is taken.
        are_epochs_given: whether the number of epochs of the plan is the user's; else each trial has its own.
    """
    others = sorted((each for each in study.records if each.is_eligible), key=lambda each: RANKING.key(each.result))
    plans: dict[str, Plan] = {}
    for record in (*study.front, *others):
        if len(plans) == count:
            break
        number, reason = _epochs(plan.epochs if are_epochs_given else None, record, _longest(study))
        written = WrittenPoint(record.point, dict(record.vals))
        own = replace(plan, point=record.point, written=written, record=record, epochs=number, reason=reason, members=1)
        plans.setdefault(point_key(record.point), own)
    return list(plans.values())


def repeat(plan: Plan, count: int) -> list[Plan]:
    """Return the plans of so many trainings that differ in their seed alone; the first one is the plan itself."""
    seeds = [derive_seed(plan.seed, plan.trial, "repeat", number) for number in range(1, count)]
    return [plan, *(replace(plan, seed=seed) for seed in seeds)]


def with_trained_point(plan: Plan, problem: Problem) -> Plan:
    """Return the plan with the point in the problem's own types, from its draw: JSON has neither tuples nor classes."""
    if plan.record is not None:
        return replace(plan, point=trained_point(problem, plan.record.vals))
    return replace(plan, point=point_of(problem, plan.written))


def with_schedule(plan: Plan, problem: Problem, study: Study, *, are_epochs_given: bool) -> Plan:
    """Return the plan with the schedule of the final training, and with the number of epochs that fits it.

    A rate that was constant in the search has a cooldown: there are no validation images to choose an epoch by, and at
    a constant rate the accuracy of the last epoch may be far below that of the one before. With a schedule along a
    cosine, or if the rate was annealed in the search, only the last epoch of R counts.
    """
    if not problem.has_blueprint:  # it compiles its own models
        return plan
    try:
        own = problem.training_of(plan.point).schedule
    except (ValueError, KeyError, TypeError):  # a point of another space, which the training reports
        return plan
    searched = study.settings.get("schedule") or own
    schedule = plan.recipe.get("schedule", COOLDOWN if searched == CONSTANT else searched)
    plan = replace(plan, recipe={**plan.recipe, "schedule": schedule})
    is_whole = schedule in (COSINE, COSINE_RUNG) or schedule == searched == COOLDOWN
    if are_epochs_given or not is_whole:
        return plan
    return replace(plan, epochs=_longest(study), reason="R, over which the learning rate is annealed")


def _longest(study: Study) -> int:
    """Return R in epochs; with a budget in seconds, the largest number of epochs of any trial."""
    if study.settings.get("budget_unit") == "seconds":
        return max((record.epochs for record in study.records if not record.imported), default=1) or 1
    return int(study.settings.get("epochs", 1))


def find_trial(study: Study, written: WrittenPoint) -> Record | None:
    """Return the record of the trial that trained a point, or None; of equal points the one of the same draw."""
    text = point_key(written.point)
    own = (record for record in study.records if record.status == "ok" and not record.imported)
    found = [record for record in own if point_key(record.point) == text]
    drawn = [one for one in found if written.vals is not None and sign_draw(one.vals) == sign_draw(written.vals)]
    return next(iter(drawn or found), None)


def _epochs(asked: int | None, record: Record | None, longest: int) -> tuple[int, str]:
    if asked is not None:
        return asked, "as given"
    if record is not None and record.complete and record.best_epoch:
        return record.best_epoch, "its best epoch in the search"
    return longest, "R of the search"
