"""Tables of the results: test scores of each method, and paired tests of evolve against the others."""

import json
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.evolve.budget import Budget
from benchmarks.evolve.methods import METHODS
from benchmarks.evolve.task_names import MINIMISED, TASKS
from metaopt.report.analysis.comparison.significance import compare_over_seeds, mean_interval
from metaopt.report.analysis.multiple_testing import holm

_OWN = "evolve"
Scores = dict[str, dict[int, float]]
"""Method → seed → test score."""


def print_tables(paths: Sequence[Path], at: Budget | None = None) -> None:
    """Print a table for each task and budget, as Markdown.

    Args:
        paths: files of results.
        at: when the runs are compared; those that were shorter are left out. None for their ends.
    """
    lines = [json.loads(line) for path in paths for line in path.read_text().splitlines()]
    groups: dict[tuple[str, str], dict[str, dict[int, dict[str, Any]]]] = defaultdict(lambda: defaultdict(dict))
    for line in [_cut(each, at) for each in lines if each["failed"] is None]:
        if line["incumbents"]:
            groups[line["task"], line["budget"]][line["method"]][line["seed"]] = line
    for (task, budget), by_method in sorted(groups.items()):
        moment = "" if at is None else f", after {_describe(str(at))}"
        print(f"\n**{task}**, {_describe(budget)}{moment}: {TASKS[task]}\n")
        _print_table(task, by_method)
    failed = [line for line in lines if line["failed"] is not None]
    if failed:
        print(f"\n{len(failed)} runs failed: {sorted({(line['task'], line['method']) for line in failed})}")


def _cut(line: dict[str, Any], at: Budget | None) -> dict[str, Any]:
    """Return a result as it was at a moment; without incumbents if the run was shorter."""
    if at is None:
        return line
    column = ("seconds", "epochs").index(at.kind)
    until = [each for each in line["incumbents"] if each[column] <= at.amount]
    return {**line, "incumbents": until if line[at.kind] >= at.amount else [], at.kind: at.amount}


def _describe(budget: str) -> str:
    kind, _, amount = budget.partition(":")
    return f"{amount} {kind}"


def _print_table(task: str, by_method: dict[str, dict[int, dict[str, Any]]]) -> None:
    scores: Scores = {
        method: {seed: line["incumbents"][-1][3] for seed, line in lines.items()} for method, lines in by_method.items()
    }
    sign = 1 if task in MINIMISED else -1
    others = [name for name in METHODS if name in scores and name != _OWN and _OWN in scores]
    tests = {name: _pair(scores[_OWN], scores[name], sign) for name in others}
    adjusted = dict(zip(others, holm([tests[name].p_value for name in others]), strict=True)) if others else {}
    print(
        "| method | test score, mean (95 % interval) | seeds | epochs | seconds | evolve − method (95 %) | better,"
        " worse | p, Holm |"
    )
    print("|---|---|---|---|---|---|---|---|")
    for name in [each for each in METHODS if each in scores]:
        lines = by_method[name].values()
        epochs, seconds = (np.mean([line[key] for line in lines]) for key in ("epochs", "seconds"))
        cells = [
            name,
            _interval(list(scores[name].values())),
            str(len(scores[name])),
            f"{epochs:.0f}",
            f"{seconds:.0f}",
        ]
        if name in tests:
            common = sorted(scores[_OWN].keys() & scores[name].keys())
            differences = [scores[_OWN][seed] - scores[name][seed] for seed in common]
            test = tests[name]
            cells += [_interval(differences), f"{test.first_better}, {test.second_better}", f"{adjusted[name]:.3g}"]
        else:
            cells += ["", "", ""]
        print(f"| {' | '.join(cells)} |")
    if task in MINIMISED and "unchanged" in scores and _OWN in scores:
        common = scores[_OWN].keys() & scores["unchanged"].keys()
        ratios = [scores[_OWN][seed] / scores["unchanged"][seed] for seed in sorted(common)]
        print(f"\nError of evolve as a share of that of the unchanged configuration: {_interval(ratios)}.")


def _pair(own: dict[int, float], other: dict[int, float], sign: int) -> Any:
    common = sorted(own.keys() & other.keys())
    return compare_over_seeds([sign * own[seed] for seed in common], [sign * other[seed] for seed in common])


def _interval(values: list[float]) -> str:
    if len(values) < 2:
        return f"{values[0]:.4f}" if values else "–"
    mean, low, high = mean_interval(values)
    return f"{mean:.4f} ({low:.4f} to {high:.4f})"
