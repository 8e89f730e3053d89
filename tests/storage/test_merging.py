"""Merging the valid lines of a damaged journal with records."""

from dataclasses import replace

import pytest

from metaopt.storage.merging import Merger
from metaopt.storage.salvage import Stretch
from metaopt.storage.state import StudyState
from metaopt.storage.versions import NewerStudy
from metaopt.trials.record import Record, make_record
from metaopt.trials.result import Result
from tests.storage.events import continued, ended, epoch, failed, header, imported, paused, proposed, run, trained


def records_of(state: StudyState) -> dict[int, Record]:
    known = (trial for trial in state.trials if trial.status in ("ok", "fail") or trial.results)
    return {trial.number: Record.from_json(make_record(trial, 0, state.judge).to_json()) for trial in known}


def results_of(state: StudyState) -> list[list[Result]]:
    """Results without their seconds, of which a record holds the sum only."""
    return [[replace(result, seconds=0.0) for result in trial.results] for trial in state.trials]


def merged_without(events: list, lost: int, records: dict[int, Record]) -> Merger:
    """Merge a journal of which one line is lost."""
    stretches = [Stretch(0, events[:lost]), Stretch(lost + 1, events[lost + 1 :])]
    merger = Merger([each for each in stretches if each.events], records)
    merger.merge(events[:2])
    return merger


@pytest.mark.parametrize("is_recorded", [True, False], ids=["", "of an earlier version"])
def test_a_fork_whose_source_is_damaged_keeps_its_history(tmp_path, is_recorded):
    events = [header("val_accuracy", seed=0), run(), *trained(0, 3), ended(0, clock=2.0)]
    fork = {**proposed(1, 6, fork={"trial": 0, "epochs": 3}), "clock": 2.0}
    events += [fork, *(epoch(1, number) for number in (4, 5, 6)), ended(1, clock=4.0)]
    state = StudyState(events)
    known = records_of(state)
    if not is_recorded:
        known = {number: replace(record, fork=None) for number, record in known.items()}
    for lost in range(2, len(events)):
        merger = merged_without(events, lost, known)
        assert [trial.metrics for trial in merger.state.trials] == [trial.metrics for trial in state.trials], lost
        is_fork_known = merger.state.trials[1].forked_from == (0, 3)
        assert is_fork_known == (is_recorded or events[lost] is not fork)
        assert merger.state.total_epochs == state.total_epochs + (0 if is_fork_known else 3)


def test_forks_and_mates_are_rebuilt_from_records_alone():
    mate = {"trial": 1, "epochs": 2}
    events = [header("val_accuracy", seed=0), run(), *trained(0, 3), paused(0, clock=2.0), *trained(1, 2)]
    events += [paused(1, clock=3.0), {**proposed(2, 6, fork={"trial": 0, "epochs": 3, "mate": mate}), "clock": 3.0}]
    events += [*(epoch(2, number) for number in (4, 5, 6)), paused(2, clock=5.0)]
    events += [{**proposed(3, 5, fork={"trial": 2, "epochs": 4}), "clock": 5.0}, epoch(3, 5), ended(3, clock=6.0)]
    state = StudyState(events)
    records = {number: Record.from_json(record.to_json()) for number, record in records_of(state).items()}
    merger = Merger([Stretch(0, events[:2])], records)
    merger.merge(events[:2])
    found = merger.state
    for name in ("forked_from", "mate", "metrics", "status", "copied_epochs"):
        assert [getattr(trial, name) for trial in found.trials] == [getattr(trial, name) for trial in state.trials], (
            name
        )
    assert results_of(found) == results_of(state)
    assert found.total_epochs == state.total_epochs
    # Of a source that is lost, no epochs can be copied.
    del records[2]
    merger = Merger([Stretch(0, events[:2])], records)
    merger.merge(events[:2])
    assert merger.lost == {2}
    assert merger.state.trials[3].forked_from is None
    assert merger.state.trials[3].metrics == state.trials[3].metrics


def test_any_lost_line_of_rungs_is_restored_from_records():
    events = [header("val_accuracy", seed=0), run(), *trained(0, 1), paused(0, clock=1.0), *trained(1, 1)]
    events += [paused(1, clock=2.0), {**continued(0, 3), "clock": 2.0}, epoch(0, 2), epoch(0, 3), ended(0, clock=4.0)]
    events += [imported({"x": 0.5}, 0.3), *trained(3, 3), failed(3, clock=5.0), *trained(4, 1), paused(4, clock=6.0)]
    events = [{**event, "clock": float(place)} for place, event in enumerate(events)]
    state = StudyState(events)
    for lost in range(2, len(events)):
        merger = merged_without(events, lost, records_of(state))
        found = merger.state
        assert [trial.metrics for trial in found.trials] == [trial.metrics for trial in state.trials], lost
        assert [trial.status for trial in found.trials] == [trial.status for trial in state.trials], lost
        assert results_of(found) == results_of(state), lost
        assert found.arrivals == state.arrivals, lost
        durations = [trial.wall_seconds for trial in found.trials]
        assert durations == [trial.wall_seconds for trial in state.trials], lost
        assert (merger.lost, merger.dropped) == (set(), {}), lost
        assert merger.rebuilt <= {events[lost].get("trial", 2)}


def test_without_records_only_what_follows_is_used():
    events = [header("val_accuracy", seed=0), run(), *trained(0, 3), ended(0, clock=1.0), *trained(1, 3)]
    merger = merged_without(events, 4, {})  # the second epoch of trial 0
    assert (merger.state.trials[0].status, merger.state.trials[0].epochs) == ("running", 1)
    assert merger.dropped == {0: 2}
    assert merger.state.trials[1].epochs == 3
    merger = merged_without(events, 2, {})  # the start of trial 0
    assert [trial.status for trial in merger.state.trials] == ["rejected", "running"]
    assert (merger.lost, merger.dropped) == ({0}, {0: 4})


def test_a_search_with_lost_trials_is_not_finished():
    done = {"event": "done", "reason": "all trials are done"}
    events = [header("val_accuracy", seed=0), run(), *trained(0, 1), ended(0), *trained(1, 1), ended(1), done]
    assert StudyState(events).finished
    assert not merged_without(events, 5, {}).state.finished
    assert merged_without(events, 5, records_of(StudyState(events))).state.finished


def test_a_later_version_after_damage_is_refused():
    events = [header("val_accuracy", seed=0), run(), *trained(0, 1), {"event": "telepathy", "clock": 1.0}]
    with pytest.raises(NewerStudy):
        merged_without(events, 3, {})
