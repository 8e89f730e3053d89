"""Studies side by side: their scores, the tests between them, and in words what these can and cannot say."""

import math
import shlex
from collections.abc import Sequence
from itertools import combinations
from typing import Any

import numpy as np

from metaopt.report.analysis.compared_studies import Contender, Group, differences
from metaopt.report.analysis.significance import LEVEL, compare_over_seeds, holm, mcnemar, mean_interval, seeds_needed
from metaopt.trials.record import Record

Row = dict[str, Any]

ABOUT_MODELS = (
    "McNemar's test compares two trained models on the same test images. It says nothing about how they were found:"
    " another seed of the same search finds another model."
)
ABOUT_STRATEGIES = (
    "Strategies are compared over seeds: Wilcoxon's signed-rank test on what two of them found with the same seeds,"
    " with Holm's correction for all pairs."
)

# Objective → the test score that tells the same, and whether larger is better.
_TEST_SCORES = {
    "val_accuracy": ("test_accuracy", True),
    "val_top3": ("test_top3", True),
    "val_precision": ("test_precision", True),
    "val_loss": ("test_loss", False),
    "convergence": ("test_loss", False),
}


def compare(contenders: Sequence[Contender], groups: Sequence[Group]) -> dict[str, Any]:
    """Everything that can be said, for JSON.

    Returns:
        ``studies``: one row each; ``limits``: per group, how many trained trials kept each limit; ``models``: McNemar's
        test for each pair of retrained models; ``strategies``: the paired test for each pair of groups; ``notes``: one
        sentence for each thing that was left out, and why. None stands for what is not known.
    """
    label = {id(member): group.label for group in groups for member in group.members}
    models, model_notes = _compare_models(contenders)
    strategies, strategy_notes = _compare_strategies(groups)
    return {
        "studies": [_study(contender, label[id(contender)]) for contender in contenders],
        "limits": [_kept(group) for group in groups],
        "models": models,
        "strategies": strategies,
        "notes": [*_kind_notes(contenders), *model_notes, *strategy_notes],
    }


def _study(contender: Contender, group: str) -> Row:
    best, records = contender.best, contender.own_records
    return {
        "study": contender.name,
        "folder": str(contender.study.folder),
        "group": group,
        "strategy": contender.strategy,
        "seed": contender.seed,
        "data": contender.study.header["data"].get("name"),
        "objective": contender.objective.name,
        "trials": len(records),
        "failed": sum(record["status"] != "ok" for record in records),
        "seconds": contender.study.state.clock,
        "best": None if best is None else _best(contender, best),
        "test": _test(contender),
    }


def _best(contender: Contender, best: Record) -> Row:
    score = contender.objective.value(best["loss"])
    return {"score": score, "trial": best["trial"], "params": best["params"], "macs": best["macs"]}


def _test(contender: Contender) -> Row | None:
    """The test scores that are compared, and their mean where the network was retrained with several seeds."""
    measured = contender.measured
    if measured is None:
        return None
    return {
        **{key: measured.get(key) for key in ("at", "trial", "epochs", "seed", "params", "macs", "feasible")},
        "looks": contender.looks,
        "scores": measured["scores"],
        "retrainings": len(contender.retrainings),
        "means": {name: mean for name in measured["scores"] if (mean := _mean(contender, name)) is not None},
    }


def _mean(contender: Contender, name: str) -> Row | None:
    values = _test_values(contender, name)
    if len(values) < 2:
        return None
    mean, low, high = mean_interval(values)
    return {"value": mean, "low": low, "high": high}


def _test_values(contender: Contender, name: str) -> list[float]:
    """A test score of every retraining."""
    return [m["scores"][name]["value"] for m in contender.retrainings if name in m["scores"]]


def _kept(group: Group) -> Row:
    """How many trained trials of a group kept each of its limits; ``all``: every one of them."""
    trained = [record for member in group.members for record in member.own_records if record["status"] == "ok"]
    row: Row = {"group": group.label, "trained": len(trained), "limits": {}}
    # The limit on memory is its machine's, and the guard keeps it before anything is trained.
    for limit in (str(limit) for limit in group.first.study.limits if limit.name != "memory"):
        distances = [r["constraints"][limit] for r in trained if limit in r["constraints"]]
        row["limits"][limit] = _share([distance <= 0 for distance in distances])
    row["all"] = _share([record["feasible"] for record in trained])
    return row


def _share(kept: Sequence[bool]) -> Row | None:
    return {"kept": sum(kept), "of": len(kept), "share": sum(kept) / len(kept)} if kept else None


def _kind_notes(contenders: Sequence[Contender]) -> list[str]:
    """Says where validation scores are not of the same kind."""
    notes = []
    for what, kinds in (
        ("data sets", {contender.data for contender in contenders}),
        ("objectives", {contender.objective.name for contender in contenders}),
    ):
        if len(kinds) > 1:
            notes.append(
                f"The studies have different {what}, so their validation scores are not comparable and no test is made"
                " of them."
            )
    return notes


def _compare_models(contenders: Sequence[Contender]) -> tuple[Row, list[str]]:
    # Right means top-3 only where that is what all of them were searched for.
    top3 = all(contender.objective.name == "val_top3" for contender in contenders)
    notes = [note for contender in contenders if (note := _why_not_tested(contender)) is not None]
    tests, others = [], []
    for first, second in combinations([c for c in contenders if c.predictions is not None], 2):
        if _same_test_images(first, second):
            tests.append(_test_models(first, second, 3 if top3 else 1))
        else:
            others.append(f"{first.name} and {second.name}")
    if others:
        verb = "were" if len(others) == 1 else "were each"
        notes.append(f"{'; '.join(others)} {verb} measured on different test images, so McNemar's test is not made.")
    for test, adjusted in zip(tests, holm([test["p_value"] for test in tests]), strict=True):
        test["p_holm"] = adjusted
    return {"about": ABOUT_MODELS, "measure": "top-3" if top3 else "accuracy", "tests": tests}, notes


def _why_not_tested(contender: Contender) -> str | None:
    """Why a study has no predictions to test, one sentence; None where it has."""
    if contender.predictions is not None:
        return None
    retrain = f"python -m metaopt retrain --results {shlex.quote(str(contender.study.folder))}"
    if contender.measured is None:
        return f"{contender.name} has no retrained model, so no test score: make one with `{retrain}`."
    return (
        f"The answers of the retrained model of {contender.name} were not kept, or their file is gone or changed, so it"
        f" is left out of McNemar's test: `{retrain}` makes them anew."
    )


def _same_test_images(first: Contender, second: Contender) -> bool:
    """Whether two models answered for the same images in the same order."""
    a, b = first.predictions, second.predictions
    assert a is not None
    assert b is not None
    # Decoders of two machines may differ in a pixel's last bit, the fingerprint of the data set does not.
    same = a.test_set == b.test_set or (first.data == second.data != "")
    return same and np.array_equal(a.true, b.true)


def _test_models(first: Contender, second: Contender, k: int) -> Row:
    assert first.predictions is not None
    assert second.predictions is not None
    a, b = first.predictions.right(k), second.predictions.right(k)
    test = mcnemar(int((a & ~b).sum()), int((b & ~a).sum()))
    return {
        "first": first.name,
        "second": second.name,
        "images": len(a),
        "only_first": test.only_first,
        "only_second": test.only_second,
        "exact": test.exact,
        "statistic": test.statistic,
        "p_value": test.p_value,
    }


def _compare_strategies(groups: Sequence[Group]) -> tuple[Row, list[str]]:
    result: Row = {"about": ABOUT_STRATEGIES, "tests": []}
    if len(groups) == 1:
        return result, ["All studies are one strategy with different seeds, so there are no strategies to compare."]
    pairs = [pair for pair in combinations(groups, 2) if _comparable(*pair)]
    notes = []
    for first, second in pairs:
        also = differences(first.first, second.first)
        if also:
            notes.append(
                f"{first.label} and {second.label} differ in more than their strategies ({', '.join(also)}), so a test"
                " compares all of that together."
            )
        if not first.by_seed().keys() & second.by_seed().keys():
            notes.append(f"{first.label} and {second.label} have no seed in common, so there is nothing to pair.")
    for group in groups:
        if len(group.by_seed()) < len(group.members):
            notes.append(f"Of the studies of {group.label} with one seed only the first stands for it in the tests.")
    for measure in ("validation", "test"):
        tests = [test for pair in pairs if (test := _test_strategies(measure, *pair)) is not None]
        adjusted = holm([test["p_value"] for test in tests])
        for test, p_value in zip(tests, adjusted, strict=True):
            test |= {"p_holm": p_value, "seeds_needed": seeds_needed(len(tests))}
            test["verdict"] = _verdict(test)
        result["tests"] += tests
    return result, notes


def _comparable(first: Group, second: Group) -> bool:
    return (first.first.data, first.first.objective) == (second.first.data, second.first.objective)


def _test_strategies(measure: str, first: Group, second: Group) -> Row | None:
    """The paired test of two groups on the best validation score or on the test score; None without a common seed."""
    name, maximised = first.first.objective.name, first.first.objective.maximised
    if measure == "test":
        if name not in _TEST_SCORES:
            return None
        name, maximised = _TEST_SCORES[name]
    losses = [_losses(group, measure, name, maximised) for group in (first, second)]
    seeds = sorted(losses[0].keys() & losses[1].keys())
    if not seeds:
        return None
    paired = compare_over_seeds(*([found[seed] for seed in seeds] for found in losses))
    sign = -1 if maximised else 1
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


def _losses(group: Group, measure: str, name: str, maximised: bool) -> dict[int, float]:
    """Seed → the loss that is compared; seeds without one are left out."""
    losses = {}
    for seed, member in group.by_seed().items():
        loss = member.best_loss if measure == "validation" else _test_loss(member, name, maximised)
        if loss is not None:
            losses[seed] = loss
    return losses


def _test_loss(contender: Contender, name: str, maximised: bool) -> float | None:
    """The mean test score over the retrainings, as a loss; None where there is none."""
    values = _test_values(contender, name)
    mean = float(np.mean(values)) if values else math.nan
    return (-mean if maximised else mean) if math.isfinite(mean) else None


def _verdict(test: Row) -> str:
    n, needed = len(test["seeds"]), test["seeds_needed"]
    if n < needed:
        return f"nothing can be said ({n} of {needed} seeds)"
    if test["p_holm"] > LEVEL:
        return "no difference is shown"
    return f"{test['first'] if test['effect'] > 0 else test['second']} is better"
