"""Narrowing of a space by the trials of a study."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hyperopt import hp

from metaopt.errors import UserError
from metaopt.report.analysis import StudyData
from metaopt.report.analysis.narrowing import estimate_share, narrow
from metaopt.spaces import Space, compile_space
from metaopt.spaces.narrowing import narrowed_vals
from metaopt.trials.objective import find_objective
from metaopt.trials.record import Record
from metaopt.trials.result import Result

SPACE = compile_space(
    {
        "rate": hp.loguniform("rate", np.log(1e-4), np.log(1)),
        "noise": hp.uniform("noise", 0, 1),
        "kind": hp.choice("kind", ["good", "bad", {"name": "fair", "units": hp.uniformint("units", 1, 9)}]),
    }
)


def loss_of(point: dict[str, Any]) -> float:
    """A valley around rate 0.01, in which the option "bad" never wins."""
    penalty = {"good": 0.0, "bad": 2.0}.get(point["kind"], 0.1) if isinstance(point["kind"], str) else 0.1
    return float((np.log10(point["rate"]) + 2) ** 2) + penalty


def draw_study(
    n: int, seed: int = 0, loss: Callable[[dict[str, Any]], float] = loss_of, space: Space = SPACE, **changes: Any
) -> StudyData:
    """A study of random trials with these losses."""
    rng = np.random.default_rng(seed)
    records = []
    for number in range(n):
        vals = space.draw(rng)
        point = space.point(vals)
        result = Result(1, 1, (loss(point) + 0.01 * rng.normal(),))
        records.append(Record(number, "ok", "val_loss", result, (result,), point=point, vals=vals, epochs=1))
    return StudyData(tuple(records), find_objective("val_loss"), **changes)


def best_of(study: StudyData) -> Record:
    return min(study.records, key=lambda record: record.result.values[0])


def test_a_range_is_narrowed_to_the_best_trials() -> None:
    narrowed = narrow(draw_study(60), SPACE)
    low, high = narrowed.space.by_label["rate"].distribution.bounds
    assert 1e-4 < low < 0.01 < high < 1
    assert "0.0001..1 became" in narrowed.evidence["rate"][0]


def test_an_option_that_lost_is_dropped_with_its_medians() -> None:
    narrowed = narrow(draw_study(60), SPACE)
    assert narrowed.kept_options == {"kind": [0, 2]}
    assert 'dropped "bad" (median val_loss' in narrowed.evidence["kind"][0]
    assert "units" in narrowed.space.labels


def test_a_hyperparameter_without_effect_is_unchanged() -> None:
    narrowed = narrow(draw_study(60), SPACE)
    assert "no clear effect" in narrowed.unchanged["noise"]
    assert narrowed.space.by_label["noise"] == SPACE.by_label["noise"]


def test_the_best_trial_is_always_inside() -> None:
    for seed in range(20):
        study = draw_study(40, seed)
        narrowed = narrow(study, SPACE)
        assert narrowed_vals(best_of(study).vals, narrowed.ranges, narrowed.kept_options) is not None


def test_noise_alone_is_narrowed_at_most_as_often_as_the_level() -> None:
    """Of 100 studies without any effect, 5 are expected at most; 11 is the upper 99 % quantile."""
    found = 0
    for seed in range(100):
        try:
            narrow(draw_study(40, seed, loss=lambda point: 0.0), SPACE)
        except UserError:
            continue
        found += 1
    assert found <= 11


def test_the_minimum_usually_lies_inside() -> None:
    inside = 0
    for seed in range(50):
        low, high = narrow(draw_study(40, seed), SPACE).space.by_label["rate"].distribution.bounds
        inside += low <= 0.01 <= high
    assert inside >= 48


def test_an_option_among_the_best_trials_is_kept() -> None:
    """Its median is far worse, but one trial with it is the best of all."""
    study = draw_study(60)
    lucky = next(
        record for record in study.records if record.point["kind"] == "bad" and 0.003 < record.point["rate"] < 0.03
    )
    best = Result(1, 1, (-1.0,))
    records = [replace(one, result=best, results=(best,)) if one is lucky else one for one in study.records]
    narrowed = narrow(study.of_records(records), SPACE)
    assert narrowed.unchanged["kind"].startswith('"bad" are among the best 6 trials')


def test_the_outermost_of_the_best_trials_are_ignored() -> None:
    study = draw_study(60)
    far = max(study.records, key=lambda record: record.point["rate"])
    tenth = sorted(record.result.values[0] for record in study.records)[9]
    result = Result(1, 1, (tenth,))
    records = [replace(one, result=result, results=(result,)) if one is far else one for one in study.records]
    assert narrow(study.of_records(records), SPACE).space.by_label["rate"].distribution.bounds[1] < 0.3


def test_a_bound_that_is_reached_is_told() -> None:
    study = draw_study(60, loss=lambda point: -float(np.log10(point["rate"])))
    narrowed = narrow(study, SPACE)
    assert "reach the upper bound" in narrowed.evidence["rate"][0]
    assert narrowed.space.by_label["rate"].distribution.args[1] == SPACE.by_label["rate"].distribution.args[1]


def test_infeasible_trials_rank_last() -> None:
    """The best losses are infeasible, at large rates."""
    study = draw_study(60, loss=lambda point: -float(np.log10(point["rate"])))
    records = []
    for record in study.records:
        violation = 0.0 if record.point["rate"] < 0.01 else 1.0
        result = Result(1, 1, record.result.values, violation=violation)
        records.append(replace(record, result=result, results=(result,)))
    narrowed = narrow(study.of_records(records), SPACE)
    assert narrowed.space.by_label["rate"].distribution.bounds[1] < 0.1


def test_what_nothing_reads_is_unchanged() -> None:
    narrowed = narrow(draw_study(60, unread=frozenset(["rate"])), SPACE)
    assert narrowed.unchanged["rate"] == "nothing reads it"


def test_few_trials_and_no_effects_are_errors() -> None:
    with pytest.raises(UserError, match="has 12 trials that can be compared; a narrower space needs at least 20"):
        narrow(draw_study(12), SPACE)
    with pytest.raises(UserError, match="No hyperparameter can be narrowed by 30 trials"):
        narrow(draw_study(30, loss=lambda point: 0.0), SPACE)


def test_the_share_of_the_space_is_that_of_its_draws() -> None:
    narrowed = narrow(draw_study(200), SPACE)
    low, high = narrowed.space.by_label["rate"].distribution.args
    assert estimate_share(SPACE, narrowed) == pytest.approx((high - low) / np.log(1e4) * 2 / 3, abs=0.03)
