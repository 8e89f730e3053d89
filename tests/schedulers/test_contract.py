"""What every scheduler must keep to, on the real search loop; a new one is in this battery by being registered."""

import pytest

from metaopt.schedulers import SCHEDULERS
from metaopt.storage.study import Study
from tests.engine.synthetic import EPOCHS, SyntheticExecutor, findings, search

schedulers = pytest.mark.parametrize("scheduler", SCHEDULERS)


@schedulers
@pytest.mark.parametrize("slots", [1, 3])
def test_it_ends_at_its_goal_with_nothing_running(tmp_path, scheduler, slots):
    executor = SyntheticExecutor(slots=slots)
    study = search(tmp_path / "results", scheduler=scheduler, trials=9, executor=executor)
    assert len(study.records) == 9
    assert not study.state.running
    assert study.state.finished


@schedulers
def test_no_trial_is_trained_beyond_r_and_no_epoch_twice(tmp_path, scheduler):
    executor = SyntheticExecutor(slots=2)
    search(tmp_path / "results", scheduler=scheduler, executor=executor)
    assert max(epoch for _, epoch in executor.trained) == EPOCHS
    assert len(set(executor.trained)) == len(executor.trained)


@schedulers
def test_some_trial_is_trained_to_r(tmp_path, scheduler):
    study = search(tmp_path / "results", scheduler=scheduler)
    assert any(record["complete"] and record["epochs"] == EPOCHS for record in study.records)


@schedulers
def test_failures_do_not_stop_it(tmp_path, scheduler):
    executor = SyntheticExecutor(fails=lambda job: job.trial % 2 == 0)
    study = search(tmp_path / "results", scheduler=scheduler, trials=8, executor=executor)
    assert sum(record["status"] == "fail" for record in study.records) == 4
    assert len(study.records) == 8


@schedulers
def test_it_decides_the_same_again(tmp_path, scheduler):
    one, two = (search(tmp_path / name, scheduler=scheduler) for name in ("one", "two"))
    assert findings(one) == findings(two)


@schedulers
def test_it_goes_on_after_an_interruption_as_if_there_had_been_none(tmp_path, scheduler):
    class Interrupting(SyntheticExecutor):
        def wait(self, handle, timeout=None):
            if len(self.trained) == 11:
                raise KeyboardInterrupt
            super().wait(handle, timeout)

    with pytest.raises(KeyboardInterrupt):
        search(tmp_path / "parts", scheduler=scheduler, executor=Interrupting())
    assert not Study.load(tmp_path / "parts").state.finished
    whole = search(tmp_path / "whole", scheduler=scheduler)
    assert findings(search(tmp_path / "parts")) == findings(whole)
