"""The driver's side of one Ray worker, with a stand-in for the actor: no cluster is needed to hand over a job."""

from types import SimpleNamespace

from metaopt.engine.jobs import Epoch, FromScratch, Resume
from metaopt.executors.ray_handle import ActorHandle
from tests.executors.scripted import make_job


def lost_worker(*epochs: Epoch) -> ActorHandle:
    """A worker that was lost after these reports."""
    method = SimpleNamespace(remote=lambda *_: None)
    handle = ActorHandle(lambda: SimpleNamespace(node=method, stay=method, exchange=method))
    handle.job = make_job(trial=7, to=9)
    for epoch in epochs:
        handle.answer(epoch, True)
    return handle


def test_lost_job_resumes_after_its_last_epoch_of_all_folds() -> None:
    folds = [Epoch(7, number, {}, 1.0, fold=0) for number in (1, 2, 3)]
    assert lost_worker(*folds).resumption().init == FromScratch()
    init = lost_worker(*folds, Epoch(7, 1, {}, 1.0)).resumption().init
    assert isinstance(init, Resume)
    assert init.epochs == 1
