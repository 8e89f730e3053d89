"""Trainer whose checkpoints are behind a URL."""

import importlib.util
import pickle
from dataclasses import replace
from pathlib import Path

import pytest

from metaopt.engine.jobs import Epoch, Finished, Message, TrainingOptions, TrialIdentity, WeightsOf
from metaopt.errors import ResultsNotWritable
from metaopt.executors.stored_trainer import StoredTrainer
from metaopt.storage.checkpoint_store import UrlStore
from tests.executors.scripted import make_job
from tests.executors.test_ray_actors import Checkpointing

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("pyarrow") is None, reason="pyarrow is not installed: pip install pyarrow"
)
IDENTITY = TrialIdentity("study", 7, "point", "data")


def make_trainer(tmp_path: Path) -> StoredTrainer:
    """Return a trainer as on another machine, which has no files of the study."""
    return pickle.loads(pickle.dumps(StoredTrainer(Checkpointing(), UrlStore(f"file://{tmp_path}/store"))))


def train(trainer: StoredTrainer, tmp_path: Path, to: int, **changes: object) -> tuple[list[Message], Finished]:
    job = replace(
        make_job(trial=7, point={}, to=to), checkpoint=str(tmp_path / "results" / "000007"), identity=IDENTITY
    )
    reports: list[Message] = []
    trainer.setup(TrainingOptions())
    end = trainer.train(replace(job, **changes), lambda each: not reports.append(each))
    assert isinstance(end, Finished)
    return reports, end


def test_a_trial_resumes_on_another_machine(tmp_path: Path) -> None:
    first, _ = train(make_trainer(tmp_path), tmp_path, to=2)
    assert [each.epoch for each in first] == [1, 2]
    second, _ = train(make_trainer(tmp_path), tmp_path, to=4)
    assert [(each.epoch, each.metrics["from"]) for each in second] == [(3, 2), (4, 2)]
    assert (tmp_path / "store" / "study" / "000007" / "state").read_text() == "4"
    assert not (tmp_path / "results").exists()


def test_a_checkpoint_is_in_the_store_before_its_epoch_is_reported(tmp_path: Path) -> None:
    states = []

    def report(message: Message) -> bool:
        assert isinstance(message, Epoch)
        states.append((tmp_path / "store" / "study" / "000007" / "state").read_text())
        return True

    trainer = make_trainer(tmp_path)
    job = replace(make_job(trial=7, point={}, to=2), checkpoint="/nowhere/000007", identity=IDENTITY)
    trainer.train(job, report)
    assert states == ["1", "2"]


def test_the_checkpoint_of_a_parent_is_there(tmp_path: Path) -> None:
    class Reading(Checkpointing):
        def train(self, job, report):
            return Finished(job.trial, info={"parent": Path(job.init.checkpoint, "state").read_text()})

    train(make_trainer(tmp_path), tmp_path, to=2)
    trainer = StoredTrainer(Reading(), UrlStore(f"file://{tmp_path}/store"))
    parent = WeightsOf(7, {}, str(tmp_path / "results" / "000007"))
    own = str(tmp_path / "results" / "000008")
    _, end = train(trainer, tmp_path, to=2, init=parent, checkpoint=own)
    assert end.info == {"parent": "2"}


def test_a_store_that_fails_interrupts_the_search(tmp_path: Path) -> None:
    (tmp_path / "store").write_text("a file")
    with pytest.raises(ResultsNotWritable, match="start the search again"):
        train(make_trainer(tmp_path), tmp_path, to=1)
