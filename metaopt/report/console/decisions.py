"""Decisions of a search as text: why its best trials were trained on, and why others were left."""

import math
from collections.abc import Mapping

from metaopt.quantities import plural
from metaopt.report.analysis.decisions import (
    CHANCE,
    best_trials,
    find_savings,
    has_decisions,
    left_trials,
    trained,
)
from metaopt.report.analysis.study_data import StudyData
from metaopt.report.formatting import format_duration
from metaopt.trials.objective import Objective
from metaopt.trials.record import Record
from metaopt.trials.trial_decision import TrialDecision

_N_BEST, _N_LEFT = 3, 5
_MOST_DECIMALS = 6


def describe_decisions(study: StudyData) -> list[str]:
    """Return lines on what a search decided; none where its strategy gave no figures.

    Args:
        study: the study.
    """
    own = study.without_imported()
    if not has_decisions(own):
        return []
    lines = [_describe_savings(own)]
    if best := best_trials(own, _N_BEST):
        lines += ["The best trials:", *(f"  {_describe_best(study, record)}" for record in best)]
    if left := left_trials(own):
        title = "Left with the highest chance to become the best:"
        lines += [title, *(f"  {_describe_left(study, *one)}" for one in left[:_N_LEFT])]
        more = len(left) - _N_LEFT
        lines += [f"  and {plural(more, 'other')}, whose chances are smaller."] if more > 0 else []
    return lines


def _describe_savings(study: StudyData) -> str:
    saved = find_savings(study)
    share = f" ({100 * saved.trained / saved.full:.0f} %)" if saved.full else ""
    strategy = study.strategy or "The strategy"
    return (
        f"{strategy} trained {saved.trained:,} of the {saved.full:,} {study.budget_unit} that full trainings of"
        f" {plural(saved.n_trials, 'trial')} take{share}: {saved.n_full} fully trained, {saved.n_resumed} resumed after"
        " a pause."
    )


def _describe_best(study: StudyData, record: Record) -> str:
    score = study.objective.value(record.result.values[0])
    text = f"trial {record.trial}: {score:.4f}, trained to {_reached(study, trained(record, study))}"
    last = next((one for one in reversed(record.decisions) if one.kind in ("started", "resumed")), None)
    if last is None:
        return f"{text}."
    if CHANCE not in last.reason:
        return f"{text}; {_without_model(last.reason)}."
    earlier = [result.resource for result in record.results if result.resource < last.resource]
    begun = f"trained on from {study.budget_unit.removesuffix('s')} {earlier[-1]}" if earlier else "started"
    return f"{text}; {begun} with {_figures(last, study.objective)}."


def _describe_left(study: StudyData, record: Record, last: TrialDecision) -> str:
    left = [one for one in record.decisions if one.kind == "left" and one.resource == last.resource]
    shown = left[-1] if left else last
    text = f"trial {record.trial} was left at {_reached(study, last.resource)}: {_figures(shown, study.objective)}"
    own, taken = shown.reason.get("improvement_rate"), shown.reason.get("taken_rate")
    if own and taken and taken > own:
        text += f"; another training promised {taken / own:.3g} times as much per second"
    elif taken and own is None:
        text += "; many others promised more per second"
    if last.kind == "ended":
        text += f"; {_percent(last)} at the end of the search" if left else "; the search ended"
    return f"{text}."


def _reached(study: StudyData, resource: int) -> str:
    """Return how far a trial was trained, e.g. ``epoch 5 of 27``."""
    return f"{study.budget_unit.removesuffix('s')} {resource} of {study.settings['epochs']}"


def _without_model(reason: Mapping[str, float]) -> str:
    """Return why a trial was started without a chance to become the best."""
    if "first_trials" in reason:
        n_first = round(reason["first_trials"])
        return f"one of the first {n_first}, which are spread over the space" if n_first > 1 else "the first trial"
    if "outside_knowledge" in reason:
        return "known from an earlier study or as a default point"
    if "rejected_proposals" in reason:
        return f"drawn in the place of {plural(int(reason['rejected_proposals']), 'rejected proposal')}"
    return "started without a model"


def _figures(decision: TrialDecision, objective: Objective) -> str:
    """Return the figures of a decision, e.g. ``0.4 % chance to become the best; predicted 0.71 ± 0.04, best 0.83``."""
    reason = decision.reason
    text = f"{_percent(decision)} chance to become the best"
    if "predicted_loss" in reason and "deviation" in reason:
        decimals = _decimals(reason["deviation"])
        text += (
            f"; predicted {objective.value(reason['predicted_loss']):.{decimals}f} ± {reason['deviation']:.{decimals}f}"
        )
        if "best_loss" in reason:
            text += f", best then {objective.value(reason['best_loss']):.{decimals}f}"
    if "chance_feasible" in reason:
        text += f"; {100 * reason['chance_feasible']:.2g} % chance to meet the constraints"
    if decision.kind in ("started", "resumed") and "seconds" in reason:
        text += f"; {format_duration(reason['seconds'])} of training expected"
    return text


def _percent(decision: TrialDecision) -> str:
    chance = 100 * decision.reason[CHANCE]
    return "under 0.01 %" if chance < 0.01 else f"{chance:.2g} %"


def _decimals(deviation: float) -> int:
    """Return the number of decimals that shows two digits of a deviation."""
    if deviation <= 0:
        return 4
    return min(_MOST_DECIMALS, max(0, 1 - math.floor(math.log10(deviation))))
