"""Results of the benchmark: one JSON line per search, or per list of trainings, appended as each ends."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from benchmarks.peers.table_file import append_line, read_complete_lines
from benchmarks.searches.process import Outcome
from benchmarks.searches.recorder import EPOCH, FAILED
from metaopt.errors import UserError

SEARCH, CONFIGURATIONS = "search", "configurations"


@dataclass(frozen=True)
class Setting:
    """Conditions of a measurement; results of different settings are not compared.

    Attributes:
        kind: ``search``, or ``configurations`` for a given list of networks.
        task: name of the task.
        space: digest of its space.
        data: fingerprint of its data.
        epochs: maximum epochs of a training.
        limit: wall seconds of a search; of ``configurations`` the number of networks.
        cpus: number of cores.
    """

    kind: str
    task: str
    space: str
    data: str
    epochs: int
    limit: float
    cpus: int


@dataclass(frozen=True)
class Result:
    """One search, or one list of trainings.

    Attributes:
        setting: see ``Setting``.
        method: name of the method.
        seed: its seed.
        wall_s: seconds from the start of its process to its end.
        cpu_s: CPU seconds of the process and all that it started.
        epochs: (number of the configuration, epoch, seconds, validation accuracy) of each trained epoch, in order.
        failed: number of proposals that were no valid networks.
        judged: ``test_accuracy`` and ``val_accuracy`` of the chosen network; None if there is none.
        versions: package → version.
        machine: ``processor``, ``load`` before and after (system's load average).
    """

    setting: Setting
    method: str
    seed: int
    wall_s: float
    cpu_s: float
    epochs: tuple[tuple[int, int, float, float], ...]
    failed: int
    judged: Mapping[str, float] | None
    versions: Mapping[str, str]
    machine: Mapping[str, Any]

    @property
    def configurations(self) -> int:
        """Number of different configurations that were trained."""
        return len({configuration for configuration, _, _, _ in self.epochs})

    @property
    def full_trainings(self) -> int:
        """Number of configurations that reached the last epoch."""
        return len({configuration for configuration, epoch, _, _ in self.epochs if epoch == self.setting.epochs})

    @property
    def cpu_share(self) -> float:
        """CPU seconds per wall second; on one core that nobody else uses, a little below 1."""
        return self.cpu_s / self.wall_s

    @property
    def first_epoch_s(self) -> float:
        """Seconds until the first epoch was trained; those of the whole search if none was."""
        return self.epochs[0][2] if self.epochs else self.wall_s

    def best_accuracy(self, seconds: float) -> float:
        """Return the best validation accuracy of the epochs so far; 0 before the first one."""
        return max((accuracy for _, _, at, accuracy in self.epochs if at <= seconds), default=0.0)

    def seconds_to(self, accuracy: float) -> float | None:
        """Return the seconds until an epoch had at least this validation accuracy; None if none had."""
        return next((at for _, _, at, reached in self.epochs if reached >= accuracy), None)


def make_result(
    setting: Setting,
    method: str,
    seed: int,
    outcome: Outcome,
    versions: Mapping[str, str],
    machine: Mapping[str, Any],
) -> Result:
    """Return the result of an outcome; epochs after the time limit of a search do not count."""
    limit = setting.limit if setting.kind == SEARCH else float("inf")
    numbers: dict[Any, int] = {}
    epochs = tuple(
        (
            numbers.setdefault(event["trial"], len(numbers)),
            int(event["epoch"]),
            float(event["s"]),
            float(event["val_accuracy"]),
        )
        for event in outcome.events
        if event["kind"] == EPOCH and event["s"] <= limit
    )
    failed = sum(event["kind"] == FAILED for event in outcome.events)
    return Result(
        setting,
        method,
        seed,
        round(outcome.wall_s, 3),
        round(outcome.cpu_s, 3),
        epochs,
        failed,
        outcome.judged,
        dict(versions),
        dict(machine),
    )


class ResultFile:
    """The file of the results.

    Args:
        path: a ``.jsonl`` file; created if it does not exist.

    Raises:
        UserError: a line is no result of this benchmark.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self.results = [_parse(path, row) for row in read_complete_lines(path)]

    def add(self, result: Result) -> None:
        """Append a result; it is on disk when this returns."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        append_line(self._path, json.dumps(asdict(result)))
        self.results.append(result)

    def has(self, setting: Setting, method: str, seed: int) -> bool:
        """Return whether a result is there."""
        return any((one.setting, one.method, one.seed) == (setting, method, seed) for one in self.results)

    def of(self, setting: Setting) -> dict[str, list[Result]]:
        """Return method → its results under a setting, by ascending seed; the last one of each seed."""
        found: dict[str, dict[int, Result]] = {}
        for one in self.results:
            if one.setting == setting:
                found.setdefault(one.method, {})[one.seed] = one
        return {method: [by_seed[seed] for seed in sorted(by_seed)] for method, by_seed in found.items()}


def _parse(path: Path, row: Mapping[str, Any]) -> Result:
    missing = [field.name for field in fields(Result) if field.name not in row]
    if missing:
        raise UserError(f"A line of {path} lacks {', '.join(missing)}. It is no result of benchmarks.searches.")
    values = {field.name: row[field.name] for field in fields(Result)}
    try:
        setting = Setting(**values["setting"])
    except TypeError as error:
        raise UserError(f"A line of {path} has no valid setting. It is no result of benchmarks.searches.") from error
    return Result(**{**values, "setting": setting, "epochs": tuple(map(tuple, values["epochs"]))})
