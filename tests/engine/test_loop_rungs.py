"""The search loop with rungs: workers, crashes, exhausted spaces and budgets."""

import math

import pytest
from hyperopt import hp

from metaopt.cli.errors import with_flags
from metaopt.engine.checkpoints import Checkpoints
from metaopt.engine.jobs import Epoch, Finished
from metaopt.errors import StudyMismatch
from metaopt.storage import journal
from metaopt.storage.study import Study
from tests.engine.synthetic import InOneGo, SyntheticExecutor, findings, search


def interrupt(folder, after: int, *, slots: int = 1, **given) -> None:
    with pytest.raises(KeyboardInterrupt):
        search(folder, executor=SyntheticExecutor(slots, interrupted_after=after), **given)


RUNGS = {"scheduler": "hyperband", "epochs": 9, "trials": 17}


@pytest.mark.parametrize("scheduler", ["full", "hyperband", "asha"])
def test_a_search_resumes_with_fewer_workers(tmp_path, scheduler):
    given = {**RUNGS, "scheduler": scheduler}
    interrupt(tmp_path / "results", 3, slots=4, **given)
    assert len(Study.load(tmp_path / "results").state.running) == 4
    executor = SyntheticExecutor()
    study = search(tmp_path / "results", executor=executor)
    assert len(study.records) == 17
    assert all(record["status"] == "ok" and not record["paused"] for record in study.records)
    assert len(executor.trained) == len(set(executor.trained)), "an epoch was trained twice"


def test_interrupted_trials_keep_their_checkpoints(tmp_path, monkeypatch):
    needed = []
    monkeypatch.setattr(Checkpoints, "clears", True)
    monkeypatch.setattr(Checkpoints, "clear", lambda self, those, useful, forkable: needed.append(set(those)))
    interrupt(tmp_path / "results", 3, slots=4, trials=6)
    needed.clear()
    search(tmp_path / "results")
    assert {1, 2, 3} <= needed[0]


@pytest.mark.parametrize("scheduler", ["halving", "hyperband", "asha", "asha-stop"])
def test_paused_trials_resume_when_the_space_is_exhausted(tmp_path, scheduler):
    space = {"x": hp.choice("x", [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7]), "branch": hp.choice("branch", [None, "plain"])}
    study = search(tmp_path / "results", space=space, scheduler=scheduler, epochs=27, trials=49)
    assert len(study.records) == 14
    assert study.best["epochs"] == 27
    assert study.best["complete"]
    assert not any(record["paused"] for record in study.records)


class Slow(InOneGo):
    """An epoch takes 25 seconds by its own clock."""

    seconds = 25.0

    def metrics(self, job, epoch):
        return {"val_accuracy": job.point["x"] / 9 + epoch / 100}


def test_a_budget_in_seconds_is_not_overspent(tmp_path):
    """Rungs at 2, 6, 20 and 60 seconds, the first two of which one epoch spends."""
    executor = Slow()
    given = {"scheduler": "halving", "epochs": 60, "budget_unit": "seconds", "trials": 27}
    study = search(tmp_path / "results", space={"x": hp.uniform("x", 0, 1)}, executor=executor, **given)
    best = study.best
    assert best["rungs"] == [[2, 1], [6, 1], [20, 1], [60, 3]]
    assert best["complete"]
    assert len(executor.trained) == 27 + 2


@pytest.mark.slow
def test_stop_after_counts_the_same_after_a_crash(tmp_path):
    given = {"scheduler": "halving", "epochs": 9, "trials": 60, "stop_after": 12, "seed": 1}
    whole = search(tmp_path / "whole" / "results", **given)
    assert 9 < len(whole.records) < 60
    epochs = sum(record["epochs"] for record in whole.records)
    for after in range(5, epochs, 7):
        folder = tmp_path / str(after) / "results"
        interrupt(folder, after, **given)
        assert findings(search(folder)) == findings(whole), after


@pytest.mark.parametrize("scheduler", ["halving", "hyperband", "asha"])
def test_paused_trials_resume_when_patience_ends(tmp_path, scheduler):
    """Also if the search is interrupted meanwhile, and one of them turns out better."""
    given = {"scheduler": scheduler, "epochs": 27, "trials": 200, "stop_after": 5, "seed": 3}
    watch = Told()
    whole = search(tmp_path / "whole" / "results", callback=watch, **given)
    assert "no better trial among the last 5" in watch.ends[0]
    assert len(whole.records) < 27
    assert any(record["complete"] for record in whole.records)
    assert not any(record["paused"] for record in whole.records)
    trained = sum(record["epochs"] for record in whole.records)
    for after in range(trained - 30, trained, 4):
        folder = tmp_path / str(after) / "results"
        interrupt(folder, after, **given)
        assert findings(search(folder)) == findings(whole), after
    more = len(search(tmp_path / "whole" / "results", more=6).records)
    assert more > len(whole.records)


def test_running_trials_end_before_patience_does(tmp_path):
    """Of four workers: the others' trials do not end the search, if one of those at work is better."""

    class Rising(SyntheticExecutor):
        def wait(self, handle, timeout=None):
            job = self.jobs.pop()  # the latest first, so that the others are at work for long
            value = 0.9 if job.trial == 1 else 0.5 if job.trial == 0 else 0.1
            handle(Epoch(job.trial, 1, {"val_accuracy": value}, 0.1))
            handle(Finished(job.trial))

    watch = Told()
    study = search(
        tmp_path / "results", executor=Rising(4), callback=watch, epochs=1, trials=30, stop_after=3, scheduler="full"
    )
    assert study.best["trial"] == 1
    ended = [record["trial"] for record in study.records]
    assert max(ended) >= 4
    assert "no better trial among the last" in watch.ends[0]


@pytest.mark.slow
def test_a_larger_goal_ends_winding_up(tmp_path):
    space = {"x": hp.choice("x", [0.1, 0.2, 0.3]), "branch": None}
    given = {"space": space, "scheduler": "halving", "epochs": 9, "trials": 9}
    whole = search(tmp_path / "whole" / "results", **given)
    assert [record["epochs"] for record in whole.records].count(9) == 1
    interrupt(tmp_path / "results", 4, **given)
    assert Study.load(tmp_path / "results").state.winding_up
    watch = Told()
    more = search(tmp_path / "results", **{**given, "trials": 12}, callback=watch)
    assert len(more.records) == 3
    assert "the space is exhausted" in watch.ends[0]
    events = [event["event"] for event in journal.read(tmp_path / "results" / "journal.jsonl").events]
    assert events.count("winding_up") == 2, "it was looked for more"


class Told:
    """Keeps why a search ended."""

    def __init__(self) -> None:
        self.ends: list[str] = []

    def __getattr__(self, name):
        return self.ends.append if name == "end" else lambda *_: None


def test_a_crash_does_not_prevent_loss_based_stopping(tmp_path):
    class Hopeless(InOneGo):
        def __init__(self, crashes: bool) -> None:
            super().__init__()
            self.crashes = crashes

        def metrics(self, job, epoch):
            loss = 5.0 if job.trial == 7 else 1.0 + job.trial / 100
            return {"val_accuracy": 1 / (1 + loss), "val_loss": loss}

        def after(self, job, epoch):
            if self.crashes and (job.trial, epoch) == (7, 3):
                raise KeyboardInterrupt

    given = {"trials": 9, "epochs": 6, "stop_hopeless": True}
    whole = search(tmp_path / "whole" / "results", executor=Hopeless(False), **given)
    with pytest.raises(KeyboardInterrupt):
        search(tmp_path / "results", executor=Hopeless(True), **given)
    study = search(tmp_path / "results", executor=Hopeless(False))
    assert [record["epochs"] for record in study.records] == [6] * 7 + [3] + [6]
    assert findings(study)[8] == findings(whole)[8]
    assert study.records[7]["complete"] is whole.records[7]["complete"] is False


def test_a_job_has_the_rung_levels_of_its_bracket(tmp_path):
    class Noting(SyntheticExecutor):
        def submit(self, job):
            cycles.setdefault(job.trial, set()).add(job.rung_levels)
            super().submit(job)

    cycles: dict[int, set] = {}
    study = search(tmp_path / "results", executor=Noting(), **RUNGS)
    by_bracket = {0: (1, 3, 9), 1: (3, 9), 2: ()}  # one over the whole training
    assert {record["bracket"] for record in study.records} == set(by_bracket)
    assert all(cycles[record["trial"]] == {by_bracket[record["bracket"]]} for record in study.records)


@pytest.mark.parametrize(
    ("other", "difference"),
    [
        ({"epochs": 27}, "--epochs 9, not 27"),
        ({"eta": 2}, "--eta 3, not 2"),
        ({"min_epochs": 2}, "--min-epochs 1, not 2"),
        ({"rule": "floor", "eta": 2}, "--eta 3, not 2; --rule ceil, not floor"),
    ],
)
def test_another_budget_is_another_study(tmp_path, other, difference):
    search(tmp_path / "results", **RUNGS)
    with pytest.raises(StudyMismatch) as mismatch:
        search(tmp_path / "results", **other)
    assert f"holds a study of another budget ({difference}): choose" in with_flags(mismatch.value)
    with pytest.raises(StudyMismatch, match=r"\(a strategy with rungs, not one without\)"):
        search(tmp_path / "results", scheduler="full")
    assert search(tmp_path / "results", scheduler="asha", trials=1).records


def test_convergence_compares_trials_at_the_last_epoch_of_each_rung(tmp_path):
    study = search(tmp_path / "results", objective="convergence", **RUNGS)
    for record in study.records:
        for visit in record["visits"]:
            history = record["history"]
            seconds = sum(history["seconds"][: visit["epochs"]])
            expected = math.log(history["val_loss"][visit["epochs"] - 1] + 1) * math.log(seconds + 1)
            assert visit["loss"] == pytest.approx(expected)
    assert study.best.resource == 9
    assert study.best.loss == min(record.loss for record in study.records if record.resource == 9)


def test_the_training_loss_breaks_ties_at_a_rung(tmp_path):
    class Tied(InOneGo):
        """All are as good; the later is the trial, the smaller is its training loss."""

        def metrics(self, job, epoch):
            return {"val_accuracy": 0.5, "loss": job.trial, "train": -job.trial}

    study = search(tmp_path / "results", scheduler="halving", epochs=9, trials=9, executor=Tied())
    assert [record["trial"] for record in study.records if len(record["rungs"]) > 1] == [6, 7, 8]
    assert [record["trial"] for record in study.records if len(record["rungs"]) > 2] == [8]
