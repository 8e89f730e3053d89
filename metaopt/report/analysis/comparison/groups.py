"""Groups of compared studies that differ only in their seed, with a distinct label for each."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from metaopt.report.analysis.comparison.studies import ComparedStudy

# Settings that make up a strategy, or follow from it.
_OF_STRATEGY = ("sampler", "scheduler", "startup")


@dataclass
class StudyGroup:
    """Studies that differ only in their seed.

    Attributes:
        label: the strategy, and the settings that distinguish the group from others of the same strategy.
        members: the studies by seed; all of those with the same seed.
    """

    label: str
    members: list[ComparedStudy] = field(default_factory=list)

    @property
    def first(self) -> ComparedStudy:
        """First member, for what all members have in common."""
        return self.members[0]

    def by_seed(self) -> dict[int, ComparedStudy]:
        """Return seed → study; the first of several with the same seed."""
        members: dict[int, ComparedStudy] = {}
        for member in self.members:
            members.setdefault(member.seed, member)
        return members


def group_studies(studies: Sequence[ComparedStudy]) -> list[StudyGroup]:
    """Group the studies, in the order of the first of each group."""
    groups: dict[str, StudyGroup] = {}
    for study in studies:
        key = json.dumps(study.setup, sort_keys=True, default=str)
        groups.setdefault(key, StudyGroup(study.strategy)).members.append(study)
    found = list(groups.values())
    for group in found:
        group.members.sort(key=lambda study: study.seed)
    same_label = Counter(group.label for group in found)
    for group, label in zip(found, _distinct_labels(found), strict=True):
        group.label = group.label if same_label[group.label] == 1 else label
    return found


def _distinct_labels(groups: Sequence[StudyGroup]) -> list[str]:
    """Return the strategy of each group with the settings that distinguish it from others of the same strategy."""
    labels = []
    for group in groups:
        others = [other for other in groups if other is not group and other.label == group.label]
        differing = dict.fromkeys(name for other in others for name in differences(group.first, other.first))
        texts = [_setting_text(name, group.first.setup.get(name)) for name in differing]
        labels.append(", ".join([group.label, *filter(None, texts)]))
    counts = Counter(labels)
    return [
        label if counts[label] == 1 else f"{label} ({group.first.name})"
        for label, group in zip(labels, groups, strict=True)
    ]


def differences(first: ComparedStudy, second: ComparedStudy) -> list[str]:
    """Return the keys of ``setup`` in which two studies differ, except those of their strategies."""
    a, b = first.setup, second.setup
    return [name for name in {**a, **b} if a.get(name) != b.get(name) and name not in _OF_STRATEGY]


def _setting_text(name: str, value: Any) -> str:
    """Return a setting for a label; empty for a digest, which tells a reader nothing."""
    if name in ("space", "network", "data"):
        return ""
    if name == "constraints":
        return " and ".join(value) or "no constraints"
    return str(value) if name == "objective" else f"{name.replace('_', ' ').strip()} {_value_text(value)}"


def _value_text(value: Any) -> str:
    if isinstance(value, Mapping | list | tuple):
        return json.dumps(value, default=str)
    return "none" if value is None else str(value)
