"""The hopeless stop, by hand and in a search."""

from metaopt.spaces import Vals
from metaopt.storage.results_pickle import read_trials
from metaopt.trials.stopping import EPOCH, is_hopeless
from metaopt.trials.trial import Trial
from tests.engine.synthetic import InOneGo, search


def trial(number, *losses):
    metrics = [{"val_loss": loss} for loss in losses]
    return Trial(number, Vals(), {}, 10, metrics=metrics, seconds=[1.0] * len(losses))


def test_twice_the_fifth_best_at_the_same_epoch():
    others = [trial(i, 9.0, 9.0, 0.1 * (i + 1), 0.01) for i in range(6)]  # at epoch 3: 0.1, 0.2, 0.3, 0.4, 0.5, 0.6
    young = trial(6, 9.0, 9.0)
    assert is_hopeless(young, EPOCH, {"val_loss": 1.0}, others)
    assert not is_hopeless(young, EPOCH, {"val_loss": 0.99}, others)
    assert not is_hopeless(young, EPOCH + 1, {"val_loss": 5.0}, others)
    assert not is_hopeless(young, EPOCH, {"val_loss": 5.0}, others[:4])
    assert not is_hopeless(others[0], EPOCH, {"val_loss": 5.0}, others[:5])  # it is not compared with itself


def test_in_a_search_it_ends_early_and_is_not_taken_for_complete(tmp_path):
    class Executor(InOneGo):
        def metrics(self, job, epoch):
            loss = 5.0 if job.trial == 7 else 1.0 + job.trial / 100
            return {"val_accuracy": 1 / (1 + loss), "val_loss": loss}

    study = search(tmp_path / "results", trials=9, epochs=6, stop_hopeless=True, executor=Executor())
    assert [record["epochs"] for record in study.records] == [6] * 7 + [EPOCH] + [6]
    assert study.records[7]["complete"] is False
    assert read_trials(tmp_path / "results.pkl").statuses()[7] == "suspended"
