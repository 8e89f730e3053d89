"""Strategy against strategy: a paired test for each pair of groups, over the seeds that both were run with."""

import math
from collections.abc import Sequence
from itertools import combinations
from typing import Any

import numpy as np

from metaopt.report.analysis.comparison.groups import StudyGroup, differences
from metaopt.report.analysis.comparison.significance import compare_over_seeds, seeds_needed
from metaopt.report.analysis.comparison.studies import ComparedStudy
from metaopt.report.analysis.multiple_testing import LEVEL, holm

ABOUT_STRATEGIES = (
    "Strategies are compared over seeds by Wilcoxon's signed-rank test on the scores that two of them found with the"
    " same seeds, with Holm's correction for all pairs."
)


def compare_strategies(groups: Sequence[StudyGroup]) -> tuple[dict[str, Any], list[str]]:
    """Test each pair of groups on the best validation scores, and on the test scores.

    Returns:
        ``about`` and ``tests``; and a note for each limitation.
    """
    result: dict[str, Any] = {"about": ABOUT_STRATEGIES, "tests": []}
    if len(groups) == 1:
        return result, ["All studies are of one strategy with different seeds, so there are no strategies to compare."]
    pairs = [pair for pair in combinations(groups, 2) if _are_comparable(*pair)]
    for measure in ("validation", "test"):
        tests = [test for pair in pairs if (test := _test_pair(measure, *pair)) is not None]
        adjusted = holm([test["p_value"] for test in tests])
        for test, p_value in zip(tests, adjusted, strict=True):
            test |= {"p_holm": p_value, "seeds_needed": seeds_needed(len(tests))}
            test["verdict"] = _verdict(test)
        result["tests"] += tests
    return result, [*_notes_on_pairs(pairs), *_notes_on_groups(groups)]


def _notes_on_pairs(pairs: Sequence[tuple[StudyGroup, StudyGroup]]) -> list[str]:
    notes = []
    for first, second in pairs:
        also = differences(first.first, second.first)
        if also:
            notes.append(
                f"{first.label} and {second.label} differ in more than their strategies ({', '.join(also)}), so the"
                " test compares all of these together."
            )
        if not first.by_seed().keys() & second.by_seed().keys():
            notes.append(f"{first.label} and {second.label} have no seed in common, so they are not tested.")
    return notes


def _notes_on_groups(groups: Sequence[StudyGroup]) -> list[str]:
    return [
        f"Several studies of {group.label} have the same seed: only the first of each seed is tested."
        for group in groups
        if len(group.by_seed()) < len(group.members)
    ]


def _are_comparable(first: StudyGroup, second: StudyGroup) -> bool:
    a, b = first.first, second.first
    return (a.data_fingerprint, a.objective) == (b.data_fingerprint, b.objective)


def _test_pair(measure: str, first: StudyGroup, second: StudyGroup) -> dict[str, Any] | None:
    """Return the test of two groups on the best validation or the test score; None without a common seed."""
    name, is_maximised = first.first.objective.name, first.first.objective.maximised
    if measure == "test":
        if name != "convergence" and not name.startswith("val_"):
            return None
        if name == "convergence":
            name, is_maximised = "test_loss", False
        else:
            name = f"test_{name.removeprefix('val_')}"
    losses = [_losses(group, measure, name, is_maximised) for group in (first, second)]
    seeds = sorted(losses[0].keys() & losses[1].keys())
    if not seeds:
        return None
    paired = compare_over_seeds(*([found[seed] for seed in seeds] for found in losses))
    sign = -1 if is_maximised else 1
    return {
        "measure": name,
        "first": first.label,
        "second": second.label,
        "seeds": seeds,
        "first_better": paired.first_better,
        "second_better": paired.second_better,
        "median_difference": None if paired.median_difference is None else sign * paired.median_difference,
        "effect": paired.effect,
        "p_value": paired.p_value,
    }


def _losses(group: StudyGroup, measure: str, name: str, is_maximised: bool) -> dict[int, float]:
    """Return seed → the loss that is compared; without the seeds that have none."""
    losses = {}
    for seed, member in group.by_seed().items():
        loss = member.best_loss if measure == "validation" else _test_loss(member, name, is_maximised)
        if loss is not None:
            losses[seed] = loss
    return losses


def _test_loss(study: ComparedStudy, name: str, is_maximised: bool) -> float | None:
    """Return the mean test score over the retrainings, as a loss; None where there is none."""
    values = study.retraining_scores(name)
    mean = float(np.mean(values)) if values else math.nan
    return (-mean if is_maximised else mean) if math.isfinite(mean) else None


def _verdict(test: dict[str, Any]) -> str:
    n, needed = len(test["seeds"]), test["seeds_needed"]
    if n < needed:
        return f"nothing can be said ({n} of {needed} seeds)"
    if test["p_holm"] > LEVEL:
        return "no difference is shown"
    return f"{test['first'] if test['effect'] > 0 else test['second']} is better"
