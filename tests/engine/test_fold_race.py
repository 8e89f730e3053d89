"""A race over folds on the real search loop: a trial that cannot win ends after its first folds."""

from collections.abc import Callable

import numpy as np
import pytest

from metaopt.engine.fold_race import ALPHA, FoldRace
from metaopt.engine.jobs import Epoch, Job, Report
from metaopt.executors import Simulated
from metaopt.randomness import make_generator
from metaopt.storage import journal
from metaopt.storage.repair import repair
from metaopt.storage.state import StudyState
from metaopt.storage.study import JOURNAL, Study
from metaopt.trials.objective import find_objective
from metaopt.trials.stopping import EpochTracker
from metaopt.trials.trial import Trial
from tests.engine.synthetic import accuracy, findings, search

N_FOLDS = 10
RACE = {"folds": 5, "repeats": 2, "race": True}
NOISE = 0.004  # of one fold of one trial


def curve(job: Job):
    """Accuracies of ten folds, some of which are harder for every trial than others."""
    easier = make_generator(0, 0, "easier folds").normal(0, 0.05, N_FOLDS)
    own = make_generator(0, job.trial, "own").normal(0, NOISE, N_FOLDS)
    epoch = 0
    while True:
        epoch += 1
        value = 0.8 * accuracy(job.point, epoch)
        yield [{"val_accuracy": each, "val_loss": 1 - each} for each in value + easier + own], 1.0


class Interrupted(Simulated):
    """Presses Ctrl-C after a number of reports."""

    def __init__(self, after: int, workers: int = 1) -> None:
        super().__init__(curve, workers)
        self.left = after

    def wait(self, handle: Callable[[Report], bool], timeout: float | None = None) -> None:
        if self.left == 0:
            raise KeyboardInterrupt
        self.left -= 1
        super().wait(handle, timeout)


def run(folder, **given) -> Study:
    given = {**RACE, "trials": 20, "executor": Simulated(curve), **given}
    return search(folder, **given)


@pytest.mark.parametrize("scheduler", ["full", "halving", "hyperband", "asha", "asha-stop"])
def test_race_changes_no_value_of_a_trial_that_survives(tmp_path, scheduler):
    given = {"scheduler": scheduler, "epochs": 9, "sampler": "random"}
    raced = run(tmp_path / "raced", **given)
    whole = run(tmp_path / "whole", **given, race=False)
    theirs = {record.trial: record for record in whole.records}
    ended = [record for record in raced.records if record.discard is not None]
    assert len(ended) >= 2
    assert raced.best.trial == whole.best.trial
    assert raced.best.replicates == whole.best.replicates
    for record in raced.records:
        other = theirs[record.trial]
        if record.discard is None and record.epochs == other.epochs:
            assert record.history["val_accuracy"] == other.history["val_accuracy"]


def test_discarded_trial_says_after_how_many_folds(tmp_path):
    study = run(tmp_path)
    record = next(record for record in study.records if record.discard is not None)
    found = record.to_json()
    assert found["status"] == "ok"
    assert not found["complete"]
    assert not record.is_eligible
    discard = found["discarded"]
    assert 2 <= discard["folds"] < discard["of"] == N_FOLDS
    assert discard["chance"] <= ALPHA / (N_FOLDS - 2)
    assert len(record.replicates) == discard["folds"]
    assert record.epochs == 3
    # The loss is that of the reference and the mean difference on the same folds, not that of the first folds alone.
    reference = study.record(study.state.trials[discard["reference"]])
    gap = np.mean(reference.replicates[: discard["folds"]]) - np.mean(record.replicates)
    assert record.loss == pytest.approx(reference.loss + gap)
    assert record.loss > reference.loss


@pytest.mark.slow
def test_race_rarely_ends_a_trial_that_would_have_won(tmp_path):
    """Of trials that differ by noise alone, which are the hardest to tell apart."""

    def equal(job: Job):
        own = make_generator(1, job.trial, "own").normal(0.8, 0.02, N_FOLDS)
        while True:
            yield [{"val_accuracy": each, "val_loss": 1 - each} for each in own], 1.0

    given = {"executor": Simulated(equal), "trials": 100, "epochs": 1}
    raced, whole = run(tmp_path / "raced", **given), run(tmp_path / "whole", **given, race=False)
    losses = {record.trial: record.loss for record in whole.records}
    ended = [(record.trial, record.discard) for record in raced.records if record.discard is not None]
    assert len(ended) > 20
    wrong = [trial for trial, discard in ended if losses[trial] <= losses[discard.reference]]
    assert len(wrong) <= ALPHA * 100
    errors = [discard.loss - losses[trial] for trial, discard in ended]
    assert abs(np.mean(errors)) < 0.01, "the estimated losses are near those of all folds"


@pytest.mark.parametrize("after", [3, 7, 14, 31, 60])
@pytest.mark.parametrize("scheduler", ["full", "asha"])
def test_race_resumes_as_if_never_interrupted(tmp_path, after, scheduler):
    given = {"scheduler": scheduler, "epochs": 3, "trials": 8}
    whole = run(tmp_path / "whole", **given)
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path / "parts", **given, executor=Interrupted(after))
    assert findings(run(tmp_path / "parts", **given)) == findings(whole)


def test_journal_cut_anywhere_resumes_to_the_same_study(tmp_path):
    given = {"epochs": 2, "trials": 4}
    whole = run(tmp_path / "whole", **given)
    lines = (tmp_path / "whole" / JOURNAL).read_bytes().splitlines(keepends=True)
    kinds = [line for line in lines if b'"discarded":' in line]
    assert kinds
    for n in range(4, len(lines), 5):
        folder = tmp_path / f"cut{n}"
        folder.mkdir()
        (folder / JOURNAL).write_bytes(b"".join(lines[:n]))
        assert findings(run(folder, **given)) == findings(whole), n


def test_race_with_three_workers_ends_trials_too(tmp_path):
    study = run(tmp_path, executor=Simulated(curve, workers=3), scheduler="asha", epochs=9)
    assert any(record.discard is not None for record in study.records)
    state = StudyState.replay(journal.Scan(tmp_path / JOURNAL))
    assert [trial.discard for trial in state.trials] == [trial.discard for trial in study.state.trials]


def make_trial(number: int, folds: list[list[float]], *, ahead: bool = False) -> Trial:
    """A trial of one epoch, whose folds have these accuracies."""
    trial = Trial(number, {}, {}, 1)
    if ahead:
        trial.ahead = {fold: [({"val_accuracy": each}, 1.0)] for fold, each in enumerate(folds)}
    return trial


def test_no_trial_is_discarded_before_its_second_fold():
    objective = find_objective("val_accuracy")
    race = FoldRace(5, 1, objective, lambda: EpochTracker(objective), 1, lambda trial, n: 1)
    assert race.decide(make_trial(1, [0.1], ahead=True), []) is None
    assert race.decide(make_trial(1, [0.1, 0.1], ahead=True), []) is None  # nothing to compare with


def test_epoch_of_a_fold_is_no_epoch_of_the_trial():
    assert Epoch(0, 1, {}, 1.0).fold is None


def test_lost_journal_of_a_race_is_rebuilt_from_its_records(tmp_path):
    study = run(tmp_path / "results")
    discards = {record.trial: record.discard for record in study.records}
    (tmp_path / "results" / JOURNAL).unlink()
    repair(tmp_path / "results")
    rebuilt = Study.load(tmp_path / "results")
    assert {record.trial: record.discard for record in rebuilt.records} == discards
    assert any(discards.values())
    assert rebuilt.best.trial == study.best.trial
    losses = {record.trial: record.loss for record in study.records}
    assert {record.trial: record.loss for record in rebuilt.records} == pytest.approx(losses)


def test_damaged_journal_of_a_race_is_repaired(tmp_path):
    study = run(tmp_path / "results", trials=8)
    path = tmp_path / "results" / JOURNAL
    lines = path.read_bytes().splitlines(keepends=True)
    lost = next(number for number, line in enumerate(lines) if b'"event":"fold"' in line and b'"trial":3' in line)
    lines[lost] = b'{"event":"fo' + lines[lost][12:]
    path.write_bytes(b"".join(lines))
    repair(tmp_path / "results")
    rebuilt = Study.load(tmp_path / "results")
    assert [record.discard for record in rebuilt.records] == [record.discard for record in study.records]
    assert rebuilt.best.loss == pytest.approx(study.best.loss)
