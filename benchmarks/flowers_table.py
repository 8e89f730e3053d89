"""Table of ``flowers.py``: the best network of each search, its test scores, and McNemar's tests."""

import os
from collections.abc import Iterable, Sequence
from datetime import date
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from metaopt.report.analysis.comparison.significance import mcnemar, mean_interval
from metaopt.report.analysis.multiple_testing import holm
from metaopt.report.analysis.predictions import Predictions, read_predictions
from metaopt.report.analysis.test_log import LogEntry, read_test_log
from metaopt.storage.study import Study
from metaopt.trials.record import Record, best_record

Row = Sequence[str]
DEFAULT = "default"
NONE = "–"

SEARCHES = (
    "strategy",
    "seed",
    "feasible trials",
    "best validation top-3",
    "test top-3",
    "test precision",
    "against the default",
    "parameters",
    "MACs",
    "search, s",
    "one retraining, s",
)
SUMMARY = ("strategy", "searches", "feasible trials", "best validation top-3", "test top-3", "test precision")
TESTS = ("seed", "first", "second", "only the first", "only the second", "χ²", "p", "p (Holm)")
# Number of most probable classes → how McNemar's test counts an image as right.
RIGHT = {3: "right where the class is among its first three", 1: "right where the class is its first"}


class Cell(Protocol):
    """The part of a search that the table needs."""

    strategy: str
    seed: int
    limits: str
    folder: Path


class Found:
    """Outcome of one search."""

    def __init__(self, cell: Cell) -> None:
        self.cell = cell
        study = Study.load(cell.folder)
        self.seconds = study.state.clock
        self.trained = [record for record in study.records if record["status"] == "ok" and not record["imported"]]
        self.best: Record | None = best_record(study.records)
        trial = None if self.best is None else self.best["trial"]
        measured = [one for one in read_test_log(cell.folder) if one["trial"] == trial]
        # Retrainings for other numbers of epochs, by an earlier command, are other models.
        self.measured: list[LogEntry] = [one for one in measured if one["epochs"] == measured[-1]["epochs"]]

    @property
    def kept(self) -> float:
        """Share of feasible trials among the trained ones, 0..1."""
        return float(np.mean([record["feasible"] for record in self.trained])) if self.trained else 0.0

    @property
    def validation(self) -> float | None:
        """The best validation top-3 accuracy."""
        return None if self.best is None else -self.best["loss"]

    def test(self, name: str) -> list[float]:
        """Return a test score of every retraining."""
        return [measured["scores"][name]["value"] for measured in self.measured]

    @property
    def predictions(self) -> Predictions | None:
        """Value of the first retraining."""
        return read_predictions(self.cell.folder, self.measured[0]["predictions"]) if self.measured else None


def write_table(out: Path, cells: Sequence[Cell], command: str) -> Path:
    """Write ``flowers.md``.

    Args:
        out: its folder.
        cells: the searches that came to their end.
        command: that made them.

    Returns:
        The file.
    """
    found = [Found(cell) for cell in cells]
    default = next((one for one in found if one.cell.strategy == DEFAULT), None)
    parts = ["# Flowers", f"`{command}`", _machine(found)]
    for limits in dict.fromkeys(cell.limits for cell in cells if cell.limits):
        group = [one for one in found if one.cell.limits == limits]
        shown = [*group, *([default] if default is not None else [])]
        parts += [f"## {limits.replace(',', ', ')}", _markdown(SEARCHES, [_search(one, default) for one in shown])]
        if len({one.cell.seed for one in group}) > 1:
            parts += ["Means over the searches, with Student's 95 % interval:", _markdown(SUMMARY, _summary(group))]
        for k, right in RIGHT.items():
            if tests := _tests(shown, k):
                parts += [f"McNemar's test of the first retrained models; {right}:", _markdown(TESTS, tests)]
    if default is not None and not any(cell.limits for cell in cells):
        parts += ["## The default network", _markdown(SEARCHES, [_search(default, None)])]
    parts.append(
        "Test scores are means over retrainings with other seeds, with Student's 95 % interval over these. *Against the"
        " default* is the p-value of McNemar's test."
    )
    path = out / "flowers.md"
    aside = path.with_suffix(".tmp")
    aside.write_text("\n\n".join(parts) + "\n", encoding="utf-8")
    aside.replace(path)
    return path


def _search(found: Found, default: Found | None) -> Row:
    seconds = [measured["seconds"] for measured in found.measured]
    feasible = sum(record["feasible"] for record in found.trained)
    return (
        found.cell.strategy,
        str(found.cell.seed),
        NONE if not found.cell.limits else f"{feasible} of {len(found.trained)} ({found.kept:.0%})",
        NONE if found.validation is None else f"{found.validation:.4f}",
        _mean(found.test("test_top3")),
        _mean(found.test("test_precision")),
        _against(found, default),
        NONE if found.best is None else f"{found.best['params']:,}",
        NONE if found.best is None else f"{found.best['macs']:,}",
        f"{found.seconds:.0f}",
        f"{np.mean(seconds):.0f}" if seconds else NONE,
    )


def _summary(group: Sequence[Found]) -> Iterable[Row]:
    for strategy in dict.fromkeys(one.cell.strategy for one in group):
        own = [one for one in group if one.cell.strategy == strategy]
        validation = [one.validation for one in own if one.validation is not None]
        tests = [
            [float(np.mean(one.test(name))) for one in own if one.measured] for name in ("test_top3", "test_precision")
        ]
        kept = f"{np.mean([one.kept for one in own]):.0%}"
        yield (strategy, str(len(own)), kept, _mean(validation), *(_mean(values) for values in tests))


def _tests(group: Sequence[Found], k: int) -> list[Row]:
    """Return McNemar's test of each pair of models with the same seed, and of each model and the default network.

    Args:
        group: the searches with one set of limits, and the default network.
        k: number of most probable classes among which the true one has to be.
    """
    pairs, tests = [], []
    for number, first in enumerate(group):
        for second in group[number + 1 :]:
            is_pair = first.cell.seed == second.cell.seed or second.cell.strategy == DEFAULT
            test = _mcnemar(first, second, k) if is_pair else None
            if test is not None:
                pairs.append((first, second))
                tests.append(test)
    adjusted = holm([test.p_value for test in tests])
    return [
        (
            str(first.cell.seed),
            first.cell.strategy,
            second.cell.strategy,
            str(test.only_first),
            str(test.only_second),
            _statistic(test),
            _p(test.p_value),
            _p(p),
        )
        for (first, second), test, p in zip(pairs, tests, adjusted, strict=True)
    ]


def _statistic(test: Any) -> str:
    """Return McNemar's statistic with the continuity correction, as the publication gives it; 3.84 at p = 0.05."""
    differing = test.only_first + test.only_second
    return f"{(abs(test.only_first - test.only_second) - 1) ** 2 / differing:.2f}" if differing else NONE


def _mcnemar(first: Found, second: Found, k: int = 3) -> Any:
    a, b = first.predictions, second.predictions
    if a is None or b is None:
        return None
    right, other = a.correct(k), b.correct(k)
    return mcnemar(int((right & ~other).sum()), int((other & ~right).sum()))


def _against(found: Found, default: Found | None) -> str:
    if default is None or found is default:
        return NONE
    test = _mcnemar(found, default)
    return NONE if test is None else f"{test.only_first} to {test.only_second}, p = {_p(test.p_value)}"


def _mean(values: Sequence[float]) -> str:
    if len(values) < 2:
        return f"{values[0]:.4f}" if values else NONE
    mean, low, high = mean_interval(values)
    return f"{mean:.4f} ({low:.4f} to {high:.4f})"


def _p(value: float) -> str:
    return f"{value:.3f}" if value >= 0.001 else f"{value:.0e}"


def _machine(found: Sequence[Found]) -> str:
    records = [record for one in found for record in one.trained]
    if not records:
        return "Nothing was searched yet."
    last = records[-1]
    versions = ", ".join(f"{name} {version}" for name, version in last["versions"].items())
    return f"{last['device']}, {os.cpu_count()} cores, {last['threads']} a command; {versions}; {date.today()}."


def _markdown(head: Row, rows: Iterable[Row]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
