"""Results of the benchmark: one JSON line per (peer, table, seed), appended as each search ends."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.peers.simulation import Course, Step
from benchmarks.peers.table_file import append_line, read_complete_lines
from benchmarks.peers.tables import Table
from metaopt.errors import UserError

DIGITS = 6  # of stored errors; a threshold is rounded as they are
_KEYS = ("peer", "table", "digest", "seed", "budget", "steps", "decisions", "thinking_s", "versions")


@dataclass(frozen=True)
class Result:
    """One search.

    Attributes:
        peer: name of the method.
        table: name of the table.
        digest: its identity, see ``Table.digest``.
        seed: of the method.
        budget: full trainings that it could spend.
        steps: the incumbents, by ascending cost.
        decisions: number of times that the method said what is trained next.
        thinking_s: CPU seconds of the method.
        versions: package → version.
    """

    peer: str
    table: str
    digest: str
    seed: int
    budget: float
    steps: tuple[Step, ...]
    decisions: int
    thinking_s: float
    versions: Mapping[str, str]

    def incumbent(self, cost: float) -> Step:
        """Return the incumbent after so many full trainings; an error of 1 before there is one."""
        return next((step for step in reversed(self.steps) if step.cost <= cost), Step(cost, 1.0, 1.0))

    def cost_to(self, error: float, budget: float) -> float | None:
        """Return the cost until a validation error was reached; None if it was not within the budget."""
        cost = next((step.cost for step in self.steps if step.error <= round(error, DIGITS)), None)
        return cost if cost is not None and cost <= budget else None


class ResultFile:
    """The file of the results.

    Args:
        path: a ``.jsonl`` file; created if it does not exist.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self.results = [_parse(path, row) for row in read_complete_lines(path)]

    def add(
        self, peer: str, table: Table, seed: int, budget: float, course: Course, versions: Mapping[str, str]
    ) -> None:
        """Append a search; it is on disk when this returns."""
        row = {
            "peer": peer,
            "table": table.name,
            "digest": table.digest,
            "seed": seed,
            "budget": budget,
            "steps": [
                [round(step.cost, 4), round(step.error, DIGITS), round(step.test_error, DIGITS)]
                for step in course.steps
            ],
            "trials": course.trials,
            "epochs": course.epochs,
            "decisions": course.decisions,
            "thinking_s": round(course.thinking_s, 4),
            "versions": dict(versions),
        }
        append_line(self._path, json.dumps(row))
        self.results.append(_parse(self._path, row))

    def has(self, peer: str, table: Table, seed: int, budget: float) -> bool:
        """Return whether a search is done, on the same curves and with the same budget or a larger one."""
        wanted = (peer, table.digest, seed)
        return any((one.peer, one.digest, one.seed) == wanted and one.budget >= budget for one in self.results)

    def of(self, table: Table, budget: float) -> dict[str, list[Result]]:
        """Return peer → its searches on a table with at least a budget, one per seed, by ascending seed."""
        found: dict[str, dict[int, Result]] = {}
        for one in self.results:
            if one.digest == table.digest and one.budget >= budget:
                found.setdefault(one.peer, {})[one.seed] = one
        return {peer: [by_seed[seed] for seed in sorted(by_seed)] for peer, by_seed in found.items()}


def _parse(path: Path, row: Mapping[str, Any]) -> Result:
    missing = [key for key in _KEYS if key not in row]
    if missing:
        raise UserError(f"A line of {path} lacks {', '.join(missing)}. It is no result of benchmarks.peers.")
    values = {key: row[key] for key in _KEYS}
    return Result(**{**values, "steps": tuple(Step(*step) for step in row["steps"])})
