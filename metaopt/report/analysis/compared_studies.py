"""The studies of a comparison: each with what is compared of it, and grouped where only the seed differs."""

import json
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from metaopt.engine.strategy import STRATEGIES
from metaopt.errors import UserError
from metaopt.report.analysis.predictions import Predictions, read_predictions
from metaopt.report.analysis.test_log import Measurement, read_measurements
from metaopt.spaces.point_key import point_key
from metaopt.storage.study import JOURNAL, Study
from metaopt.trials.objective import Objective
from metaopt.trials.record import Record, best_record

# Settings that may differ between two searches that differ only in their seed: `base` and `trials` make up the goal;
# space and data are told by their content; executors find the same.
_NOT_COMPARED = ("seed", "base", "trials", "space", "data", "executor", "constraints")
# Settings that make up a strategy, or follow from it.
_OF_STRATEGY = ("sampler", "scheduler", "startup")
# Settings that one sampler alone reads; those of others follow from the number of trials and change nothing.
_READ_BY = {"startup": "tpe", "mu": "evolution", "lambda_": "evolution"}


@dataclass(frozen=True, eq=False)
class Contender:
    """One study of a comparison.

    Attributes:
        name: its folder, as short as tells it apart.
        study: as it stands.
        records: of its trials that ended.
        measured: the retraining that is compared, or None; see ``_measured``.
        retrainings: measurements of the same network and epochs with other seeds, and of this one first.
        looks: how often its test images were looked at.
        predictions: of ``measured``, or None where they were not kept or are gone.
    """

    name: str
    study: Study
    records: list[Record]
    measured: Measurement | None
    retrainings: list[Measurement]
    looks: int
    predictions: Predictions | None

    @property
    def objective(self) -> Objective:
        """What it optimises."""
        return self.study.objective

    @property
    def seed(self) -> int:
        """Of the search."""
        return int(self.study.header.get("seed", 0))

    @property
    def data(self) -> str:
        """What tells its data set; empty for a search over a function."""
        return str(self.study.header["fingerprint"]["data"])

    @property
    def own_records(self) -> list[Record]:
        """Without imported trials."""
        return [record for record in self.records if not record["imported"]]

    @property
    def best(self) -> Record | None:
        """The best trial that keeps the limits, if its loss is finite."""
        best = best_record(self.records)
        return best if best is not None and math.isfinite(best["loss"]) else None

    @property
    def best_loss(self) -> float:
        """Of the best trial; infinite where none keeps the limits."""
        best = self.best
        return math.inf if best is None else float(best["loss"])

    @property
    def strategy(self) -> str:
        """Its strategy's name, or sampler × scheduler where that has none."""
        halves = self.study.settings["sampler"], self.study.settings["scheduler"]
        return next((name for name, known in STRATEGIES.items() if known == halves), " × ".join(halves))

    @property
    def traits(self) -> dict[str, Any]:
        """Everything that makes it another search than the next one, but for the seed."""
        settings = self.study.settings
        fingerprint = self.study.header["fingerprint"]
        return {
            **{
                name: value
                for name, value in settings.items()
                if name not in _NOT_COMPARED and _READ_BY.get(name, settings["sampler"]) == settings["sampler"]
            },
            "trials": settings["base"] + settings["trials"],
            # A search sets the limit on memory by what its machine has free.
            "limits": sorted(str(limit) for limit in self.study.limits if limit.name != "memory"),
            **{name: fingerprint.get(name) for name in ("space", "network", "data", "objective", "folds")},
        }


def load_contenders(folders: Sequence[Path]) -> list[Contender]:
    """Reads the studies.

    Raises:
        UserError: there are fewer than two, one is given twice, or one cannot be read.
    """
    # `compare studies/*` names every study's pickle too.
    folders = [folder for folder in folders if folder.suffix != ".pkl" or folder.with_suffix("") not in folders]
    if len(folders) < 2:
        raise UserError("a comparison needs two studies or more: name their folders, e.g. metaopt compare tpe random.")
    for folder in folders:
        if not (folder / JOURNAL).is_file():
            raise UserError(f"there is no study in {folder}: name folders that searches made, such as results.")
    studies = [Study.load(folder) for folder in folders]
    for folder, study in zip(folders, studies, strict=True):
        if not study.settings:
            raise UserError(f"the study in {folder} has no trials yet: run its search first.")
    known: dict[str, Path] = {}
    for folder, study in zip(folders, studies, strict=True):
        identity = study.header["id"]
        if identity in known:
            raise UserError(f"{known[identity]} and {folder} are the same study: name each once.")
        known[identity] = folder
    return [_contender(name, study) for name, study in zip(_names(folders), studies, strict=True)]


def _names(folders: Sequence[Path]) -> list[str]:
    """The folders' own names where they differ, else the paths as they were given."""
    names = [folder.resolve().name for folder in folders]
    counts = Counter(names)
    return [name if counts[name] == 1 else str(folder) for name, folder in zip(names, folders, strict=True)]


def _contender(name: str, study: Study) -> Contender:
    records = study.records
    measurements = read_measurements(study.folder)
    measured = _measured(measurements, best_record(records))
    predictions = None
    if measured is not None and "predictions" in measured:
        predictions = read_predictions(study.folder, measured["predictions"])
    return Contender(
        name, study, records, measured, _retrainings(measurements, measured), len(measurements), predictions
    )


def _measured(measurements: Sequence[Measurement], best: Record | None) -> Measurement | None:
    """The first measurement of the study's best point; the first of all where that has none.

    The first, as every later one may have been made, or picked, for the score of an earlier one.
    """
    wanted = None if best is None else point_key(best["space"])
    of_best = (measurement for measurement in measurements if point_key(measurement["point"]) == wanted)
    return next(of_best, measurements[0] if measurements else None)


# Of a measurement: what makes it one of another model than the next, but for the seed.
_TRAINED_AS = ("point", "epochs", "members", "mirror", "recipe", "augment")


def _retrainings(measurements: Sequence[Measurement], measured: Measurement | None) -> list[Measurement]:
    """Of the same point, trained in the same way into a model of the same kind, the first of each seed."""
    if measured is None:
        return []

    def kind(measurement: Measurement) -> str:
        return point_key({name: measurement.get(name) for name in _TRAINED_AS})

    alike = [measurement for measurement in measurements if kind(measurement) == kind(measured)]
    seeds: dict[int, Measurement] = {}
    for measurement in (measured, *alike):
        seeds.setdefault(measurement["seed"], measurement)
    return list(seeds.values())


@dataclass
class Group:
    """Studies that differ only in their seed.

    Attributes:
        label: the strategy, and what else tells the group apart.
        members: by seed; of two with the same seed both.
    """

    label: str
    members: list[Contender] = field(default_factory=list)

    @property
    def first(self) -> Contender:
        """Stands for what all have in common."""
        return self.members[0]

    def by_seed(self) -> dict[int, Contender]:
        """Seed → its study; of several with one seed the first."""
        members: dict[int, Contender] = {}
        for member in self.members:
            members.setdefault(member.seed, member)
        return members


def group_contenders(contenders: Sequence[Contender]) -> list[Group]:
    """Groups the studies, in the order of the first of each group."""
    groups: dict[str, Group] = {}
    for contender in contenders:
        key = json.dumps(contender.traits, sort_keys=True, default=str)
        groups.setdefault(key, Group(contender.strategy)).members.append(contender)
    found = list(groups.values())
    for group in found:
        group.members.sort(key=lambda contender: contender.seed)
    alike = Counter(group.label for group in found)
    for group, label in zip(found, _labels(found), strict=True):
        group.label = group.label if alike[group.label] == 1 else label
    return found


def _labels(groups: Sequence[Group]) -> list[str]:
    """The strategy with the settings that tell apart the groups of the same strategy."""
    labels = []
    for group in groups:
        others = [other for other in groups if other is not group and other.label == group.label]
        differing = dict.fromkeys(name for other in others for name in differences(group.first, other.first))
        told = [_trait(name, group.first.traits.get(name)) for name in differing]
        labels.append(", ".join([group.label, *filter(None, told)]))
    counts = Counter(labels)
    return [
        label if counts[label] == 1 else f"{label} ({group.first.name})"
        for label, group in zip(labels, groups, strict=True)
    ]


def differences(first: Contender, second: Contender) -> list[str]:
    """In what two studies differ beside their seeds and their strategies, by the names of ``Contender.traits``."""
    a, b = first.traits, second.traits
    return [name for name in {**a, **b} if a.get(name) != b.get(name) and name not in _OF_STRATEGY]


def _trait(name: str, value: Any) -> str:
    """A setting for a label; a digest says nothing to a reader."""
    if name in ("space", "network", "data"):
        return ""
    if name == "limits":
        return " and ".join(value) or "no limits"
    return str(value) if name == "objective" else f"{name.replace('_', ' ')} {_plain(value)}"


def _plain(value: Any) -> str:
    if isinstance(value, Mapping | list | tuple):
        return json.dumps(value, default=str)
    return "none" if value is None else str(value)
