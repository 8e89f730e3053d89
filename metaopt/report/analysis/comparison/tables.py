"""Tables of a comparison: scores of the studies, feasible shares of trials, and the tests, ready for JSON."""

from collections.abc import Sequence
from typing import Any

from metaopt.report.analysis.comparison.groups import StudyGroup
from metaopt.report.analysis.comparison.model_tests import compare_models
from metaopt.report.analysis.comparison.significance import mean_interval
from metaopt.report.analysis.comparison.strategy_tests import compare_strategies
from metaopt.report.analysis.comparison.studies import ComparedStudy

Row = dict[str, Any]


def compare(studies: Sequence[ComparedStudy], groups: Sequence[StudyGroup]) -> dict[str, Any]:
    """Compare studies.

    Returns:
        A dict for JSON. ``studies``: one row for each; ``limits``: for each group, how many trained trials met each
        constraint; ``models``: McNemar's test for each pair of retrained models; ``strategies``: the paired test for
        each pair of groups; ``notes``: one sentence for each thing that was left out, with the reason. Unknown values
        are None.
    """
    label = {id(member): group.label for group in groups for member in group.members}
    models, model_notes = compare_models(studies)
    strategies, strategy_notes = compare_strategies(groups)
    return {
        "studies": [_study_row(study, label[id(study)]) for study in studies],
        "limits": [_constraint_row(group) for group in groups],
        "models": models,
        "strategies": strategies,
        "notes": [*_notes_on_differing_kinds(studies), *model_notes, *strategy_notes],
    }


def _study_row(study: ComparedStudy, group: str) -> Row:
    records = study.data.records
    return {
        "study": study.name,
        "folder": str(study.study.folder),
        "group": group,
        "strategy": study.strategy,
        "seed": study.seed,
        "data": study.study.header["data"].get("name"),
        "objective": study.objective.name,
        "trials": len(records),
        "failed": sum(record.status != "ok" for record in records),
        "seconds": study.study.state.clock,
        "best": _best_row(study),
        "test": _test_row(study),
    }


def _best_row(study: ComparedStudy) -> Row | None:
    best = study.best
    if best is None or best.loss is None:
        return None
    return {
        "score": study.objective.value(best.loss),
        "trial": best.trial,
        "params": best.params,
        "macs": best.macs,
    }


def _test_row(study: ComparedStudy) -> Row | None:
    """Return the compared test scores, and their means where the network was retrained with several seeds."""
    test = study.test
    if test is None:
        return None
    return {
        **{key: test.get(key) for key in ("at", "trial", "epochs", "seed", "params", "macs", "feasible")},
        "looks": study.n_tests,
        "scores": test["scores"],
        "retrainings": len(study.retrainings),
        "means": {name: mean for name in test["scores"] if (mean := _mean_row(study, name)) is not None},
    }


def _mean_row(study: ComparedStudy, name: str) -> Row | None:
    values = study.retraining_scores(name)
    if len(values) < 2:
        return None
    mean, low, high = mean_interval(values)
    return {"value": mean, "low": low, "high": high}


def _constraint_row(group: StudyGroup) -> Row:
    """Return how many trained trials of a group met each of its constraints; ``all``: met every one of them."""
    trained = [record for member in group.members for record in member.data.records if record.status == "ok"]
    row: Row = {"group": group.label, "trained": len(trained), "limits": {}}
    # The bound on memory depends on the machine, and the guard enforces it before training.
    for constraint in (str(each) for each in group.first.data.constraints if each.name != "memory"):
        distances = [record.constraints[constraint] for record in trained if constraint in record.constraints]
        row["limits"][constraint] = _share([distance <= 0 for distance in distances])
    row["all"] = _share([record.is_feasible for record in trained])
    return row


def _share(met: Sequence[bool]) -> Row | None:
    return {"kept": sum(met), "of": len(met), "share": sum(met) / len(met)} if met else None


def _notes_on_differing_kinds(studies: Sequence[ComparedStudy]) -> list[str]:
    """Return a note for each reason why validation scores are not comparable."""
    kinds = {
        "data sets": {study.data_fingerprint for study in studies},
        "objectives": {study.objective.name for study in studies},
    }
    return [
        f"The studies have different {kind}, so their validation scores are not comparable and are not tested."
        for kind, values in kinds.items()
        if len(values) > 1
    ]
