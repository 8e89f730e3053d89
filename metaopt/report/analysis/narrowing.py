"""Narrowing of a space by the trials of a study: which ranges and options remain, with the evidence for each.

A parameter is narrowed only where its marginal effect is significant. A number keeps the range of the best trials; a
choice loses the options that rank clearly below its best one. The best three trials always lie in the narrowed space.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from scipy import stats

from metaopt.errors import UserError
from metaopt.quantities import plural
from metaopt.report.analysis.features import MISSING, Feature
from metaopt.report.analysis.multiple_testing import LEVEL, holm
from metaopt.report.analysis.statistics import MIN_TRIALS, Effect, corrected, marginal_effect
from metaopt.report.analysis.study_data import StudyData
from metaopt.report.analysis.truncation import truncate_study
from metaopt.spaces import Space
from metaopt.spaces.best_ranges import kept_share, narrow_range
from metaopt.spaces.distributions import Distribution
from metaopt.spaces.narrowing import narrow_space, narrowed_vals, selecting_labels
from metaopt.spaces.nodes import Choice, Constant, walk
from metaopt.spaces.option_values import name_options
from metaopt.spaces.space_digest import describe_constant
from metaopt.trials.ranking import rank_key
from metaopt.trials.record import Record

BEST_SHARE = 0.25
"""Share of the trials that count as the best, by default."""

_MIN_BEST = 5  # trials in which a number was active that define its range
_MIN_OF_OPTION = 5  # trials of an option that may be dropped, and of the one that it is compared with
_BEST_OF_OPTIONS = 0.1  # an option of one of so many best trials is kept
_N_PROTECTED = 3  # best trials that always lie in the narrowed space
_LONGEST_OPTION = 40  # letters
_DRAWS = 4000  # from the prior, to estimate how much of the space remains


@dataclass(frozen=True)
class Narrowing:
    """A narrowed space.

    Attributes:
        space: the narrowed space.
        evidence: label → sentences on why its parameter was narrowed.
        unchanged: label → why its parameter was not.
        ranges: label → new distribution.
        kept_options: label of a choice → indices of the options that are kept.
        n_trials: number of trials that were compared.
        n_inside: how many of them lie in the narrowed space.
        epochs: number of epochs after which they were compared; None where each counts as it ended.
    """

    space: Space
    evidence: dict[str, list[str]]
    unchanged: dict[str, str]
    ranges: dict[str, Distribution]
    kept_options: dict[str, list[int]]
    n_trials: int
    n_inside: int
    epochs: int | None


@dataclass
class _Trials:
    """The trials that are compared, best first.

    Attributes:
        records: the records.
        ranks: (n,) ranks, equal for equally good trials: infeasible trials rank last.
        values: (n,) values of the objective in the user's sense.
    """

    records: list[Record]
    ranks: np.ndarray
    values: np.ndarray
    objective: str = ""

    @classmethod
    def of(cls, study: StudyData) -> "_Trials":
        records = sorted(study.with_loss, key=lambda record: (rank_key(record.result), record.trial))
        keys = [rank_key(record.result) for record in records]
        order = {key: number for number, key in enumerate(sorted(set(keys)))}
        values = np.array([study.objective.value(record.result.values[0]) for record in records])
        return cls(records, np.array([float(order[key]) for key in keys]), values, study.objective.name)

    def feature(self, label: str, distribution: Distribution) -> Feature:
        """Return a parameter as a feature: a number by its place in the prior, a choice by its options."""
        values = [record.vals.get(label, MISSING) for record in self.records]
        drawn = [value for value in values if value is not MISSING]
        if distribution.is_unordered:
            return Feature(label, values, levels=sorted(set(drawn)))
        return Feature(label, [one if one is MISSING else distribution.to_unit(one) for one in values])


@dataclass
class _Changes:
    """What is changed so far."""

    evidence: dict[str, list[str]] = field(default_factory=dict)
    unchanged: dict[str, str] = field(default_factory=dict)
    ranges: dict[str, Distribution] = field(default_factory=dict)
    kept_options: dict[str, list[int]] = field(default_factory=dict)


def narrow(study: StudyData, space: Space, best_share: float = BEST_SHARE) -> Narrowing:
    """Narrow a space to where the trials of a study were good.

    Trials of a search over rungs are compared after equally many epochs. The effect of a parameter is that of the
    report, ``marginal_effect``, with Holm's correction for the number of parameters.

    Args:
        study: the study.
        space: its space.
        best_share: share of the trials that count as the best, above 0 and below 1.

    Raises:
        UserError: there are too few trials, or no effect is significant.
    """
    truncated, epochs = truncate_study(study)
    trials = _Trials.of(truncated)
    if len(trials.records) < MIN_TRIALS:
        raise UserError(
            f"The study has {plural(len(trials.records), 'trial')} that can be compared; a narrower space needs at"
            f" least {MIN_TRIALS}. Continue the search with more trials."
        )
    features = {one.label: trials.feature(one.label, one.distribution) for one in space.parameters}
    tested = [label for label in features if label not in study.unread]
    effects = dict(
        zip(tested, corrected([marginal_effect(features[each], trials.ranks) for each in tested]), strict=True)
    )
    changes, selecting = _Changes(), selecting_labels(space)
    for label in features:
        effect, distribution = effects.get(label), space.by_label[label].distribution
        if effect is None:
            changes.unchanged[label] = "nothing reads it"
        elif math.isnan(effect.share):
            changes.unchanged[label] = f"only active in {plural(effect.n_trials, 'trial')}, or the same in all"
        elif not effect.is_significant:
            changes.unchanged[label] = f"no clear effect: {_describe(effect)}"
        elif distribution.is_choice and label in selecting:
            _narrow_choice(label, _name_options(space, label), features[label], trials, effect, changes)
        elif distribution.is_unordered:
            changes.unchanged[label] = "its values have no order"
        else:
            _narrow_number(label, distribution, trials, effect, best_share, changes)
    if not changes.evidence:
        raise UserError(
            f"No hyperparameter can be narrowed by {plural(len(trials.records), 'trial')}: "
            + "; ".join(f"{label} ({why})" for label, why in list(changes.unchanged.items())[:5])
            + f"{' …' if len(changes.unchanged) > 5 else ''}. Continue the search with more trials."
        )
    return Narrowing(
        narrow_space(space, changes.ranges, changes.kept_options),
        changes.evidence,
        changes.unchanged,
        changes.ranges,
        changes.kept_options,
        len(trials.records),
        sum(_is_inside(record.vals, changes) for record in trials.records),
        epochs,
    )


def _describe(effect: Effect) -> str:
    share = f"{100 * effect.share:.0f} % of the ranks' variance"
    return f"explains {share} in {effect.n_trials} trials, p = {effect.p_value:.2g}"


def _is_inside(vals: Mapping[str, float], changes: _Changes | Narrowing) -> bool:
    return narrowed_vals(vals, changes.ranges, changes.kept_options) is not None


def estimate_share(space: Space, narrowing: Narrowing) -> float:
    """Return the share of the draws from a space that lie in the narrowed one, estimated from 4,000 draws."""
    rng = np.random.default_rng(0)
    return sum(_is_inside(space.draw(rng), narrowing) for _ in range(_DRAWS)) / _DRAWS


def _narrow_number(
    label: str, distribution: Distribution, trials: _Trials, effect: Effect, best_share: float, changes: _Changes
) -> None:
    """Narrow a number to the range of the best trials in which it is active."""
    active = [record.vals[label] for record in trials.records if label in record.vals]
    best = active[: max(_MIN_BEST, math.ceil(best_share * len(active)))]
    inner = _without_outermost(best)
    narrowed = narrow_range(distribution, inner)
    spread = f"{_short(min(inner))}..{_short(max(inner))}"
    if narrowed is None:
        changes.unchanged[label] = f"the best {len(best)} trials are spread over {spread}; it {_describe(effect)}"
        return
    changes.ranges[label] = narrowed
    ends = list(zip(("lower", "upper"), distribution.bounds, narrowed.bounds, strict=True))
    (_, old_low, low), (_, old_high, high) = ends
    reached = [
        f" The best trials reach the {side} bound: better values may lie beyond it."
        for side, old, new in ends
        if new == old
    ]
    apart = ", the outermost apart" if len(inner) < len(best) else ""
    changes.evidence[label] = [
        f"{label}: {_short(old_low)}..{_short(old_high)} became {_short(low)}..{_short(high)},"
        f" {100 * kept_share(distribution, narrowed):.0f} % of the prior. The best {len(best)} of {len(active)} trials"
        f" lie in {spread}{apart}; it {_describe(effect)}.{''.join(reached)}"
    ]


def _narrow_choice(
    label: str,
    names: list[str],
    feature: Feature,
    trials: _Trials,
    effect: Effect,
    changes: _Changes,
) -> None:
    """Drop the options of a choice that rank clearly below its best one."""
    drawn = np.array([-1 if value is MISSING else int(value) for value in feature.values])
    counts = {option: int((drawn == option).sum()) for option in range(len(names))}
    compared = [option for option in counts if counts[option] >= _MIN_OF_OPTION]
    if len(compared) < 2:
        changes.unchanged[label] = f"fewer than two options have {_MIN_OF_OPTION} trials"
        return
    best = min(compared, key=lambda option: float(np.median(trials.ranks[drawn == option])))
    active = drawn[drawn >= 0]
    n_best = max(_N_PROTECTED, math.ceil(_BEST_OF_OPTIONS * len(active)))
    protected = set(active[:n_best].tolist())
    others = [option for option in compared if option != best]
    p_values = holm(
        [
            float(stats.mannwhitneyu(trials.ranks[drawn == one], trials.ranks[drawn == best], alternative="greater")[1])
            for one in others
        ]
    )
    worse = {one: p for one, p in zip(others, p_values, strict=True) if p < LEVEL}
    lost = {one: p for one, p in worse.items() if one not in protected}
    if not lost:
        among = f"{' and '.join(names[one] for one in worse)} are among the best {n_best} trials"
        reason = among if worse else "no option is clearly worse than the best"
        changes.unchanged[label] = f"{reason}; it {_describe(effect)}"
        return
    changes.kept_options[label] = [option for option in counts if option not in lost]

    def told(option: int) -> str:
        median = float(np.median(trials.values[drawn == option]))
        return f"{names[option]} (median {trials.objective} {median:.4g} of {counts[option]} trials"

    changes.evidence[label] = [
        f"{label}: dropped {' and '.join(f'{told(one)}, p = {p:.2g})' for one, p in lost.items())}, worse than"
        f" {told(best)}). It {_describe(effect)}."
    ]


def _without_outermost(best: list[float]) -> list[float]:
    """Return the values without a tenth at either end, but with those of the best three trials."""
    n_outer = len(best) // 10
    inner = sorted(best)[n_outer : len(best) - n_outer]
    low, high = min(*inner, *best[:_N_PROTECTED]), max(*inner, *best[:_N_PROTECTED])
    return [low, *inner[1:-1], high]


def _name_options(space: Space, label: str) -> list[str]:
    """Return the options of a choice as text: constants as they are, others by their names."""
    choice = next(node for node in walk(space.root) if isinstance(node, Choice) and node.label == label)
    return [
        describe_constant(option.value)[:_LONGEST_OPTION] if isinstance(option, Constant) else str(name)
        for option, name in zip(choice.options, name_options(choice), strict=True)
    ]


def _short(number: float) -> str:
    return f"{number:.3g}"
