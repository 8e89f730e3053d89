"""Every tracker on real searches; its library is asked for the trials."""

import time
from pathlib import Path

import pytest

from metaopt.trackers.optuna_journal import CONSTRAINTS, NUMBER
from metaopt.trackers.tracker import FOLDER
from tests.trackers.searching import search
from tests.trackers.wandb_file import read_run

pytestmark = pytest.mark.slow  # imports of the libraries


def need(module: str):
    return pytest.importorskip(module, reason=f"needs {module}: pip install -r requirements-{module}.txt")


def load_optuna(folder: Path):
    optuna = need("optuna")
    backend = optuna.storages.journal.JournalFileBackend(str(folder / FOLDER / "optuna.log"))
    return optuna.load_study(study_name=None, storage=optuna.storages.JournalStorage(backend))


def test_optuna_knows_parameters_values_constraints_and_curves(tmp_path: Path) -> None:
    optuna = need("optuna")
    folder = tmp_path / "results"
    limit = ("val_loss<=0.4",)
    study, notes = search(folder, "optuna", trials=6, constraints=limit, fails=lambda job: job.trial == 2)
    assert notes == []
    found = load_optuna(folder)
    assert found.study_name == "results"
    assert found.direction.name == "MAXIMIZE"
    for trial, record in zip(found.trials, study.records, strict=True):
        assert trial.user_attrs[NUMBER] == record.trial
        assert trial.params["x"] == record.point["x"]
        assert trial.distributions["x"] == optuna.distributions.FloatDistribution(-1.0, 1.0)
        branch = record.point["branch"]
        assert trial.params["branch"] == ("y=…" if isinstance(branch, dict) else branch)
        if record.status == "fail":
            assert trial.state.name == "FAIL"
            continue
        assert trial.value == -record.loss
        assert trial.system_attrs[CONSTRAINTS] == list(record.constraints.values())
        assert list(trial.intermediate_values.values()) == record.history["val_accuracy"]
    feasible = [record for record in study.records if record.is_eligible]
    assert (found.best_trial.user_attrs[NUMBER] == study.best.trial) == bool(feasible)


def test_optuna_follows_rungs_and_a_resumed_search(tmp_path: Path) -> None:
    need("optuna")
    folder = tmp_path / "results"
    given = {"sampler": "random", "scheduler": "asha", "epochs": 9, "eta": 3}
    search(folder, "optuna", trials=4, **given)
    study, _ = search(folder, trials=8)  # without the tracker
    study, _ = search(folder, "optuna", trials=12)
    found = load_optuna(folder)
    by_number: dict[int, list] = {}
    for trial in found.trials:
        by_number.setdefault(trial.user_attrs[NUMBER], []).append(trial)
    assert by_number.keys() == {record.trial for record in study.records}
    for record in study.records:
        last = by_number[record.trial][-1]
        assert last.state.name == ("COMPLETE" if record.complete else "PRUNED")
        if record.complete:
            assert last.value == -record.loss


def test_optuna_has_several_objectives(tmp_path: Path) -> None:
    need("optuna")
    folder = tmp_path / "results"
    study, notes = search(folder, "optuna", trials=4, objective=("val_accuracy", "val_loss"))
    assert notes == []
    found = load_optuna(folder)
    assert [each.name for each in found.directions] == ["MAXIMIZE", "MINIMIZE"]
    assert [trial.values for trial in found.trials] == [
        [-record.result.values[0], record.result.values[1]] for record in study.records
    ]


def test_tensorboard_has_the_curves_and_hyperparameters(tmp_path: Path) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    study, notes = search(tmp_path / "results", "tensorboard", trials=3)
    assert notes == []
    for record in study.records:
        run = EventAccumulator(str(tmp_path / "results" / FOLDER / "tensorboard" / f"{record.trial:06d}"))
        run.Reload()
        curve = [event.tensor_proto.float_val[0] for event in run.Tensors("val_accuracy")]
        assert curve == pytest.approx(record.history["val_accuracy"], rel=1e-6)
        assert run.SummaryMetadata("_hparams_/session_start_info").plugin_data.plugin_name == "hparams"
        assert run.Tensors("result/val_accuracy")


def test_mlflow_has_a_run_for_each_trial_below_the_study(tmp_path: Path, monkeypatch) -> None:
    mlflow = need("mlflow")
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    folder = tmp_path / "results"
    study, notes = search(folder, "mlflow", trials=2)
    study, more = search(folder, "mlflow", trials=3)
    assert not any("tracker" in note for note in notes + more)
    client = mlflow.MlflowClient(f"sqlite:///{folder / FOLDER / 'mlflow' / 'mlflow.db'}")
    [experiment] = [each for each in client.search_experiments() if each.name == "results"]
    runs = {run.info.run_name: run for run in client.search_runs([experiment.experiment_id])}
    assert runs.keys() == {"results", "trial 0", "trial 1", "trial 2"}
    for record in study.records:
        run = runs[f"trial {record.trial}"]
        assert run.data.tags["mlflow.parentRunId"] == runs["results"].info.run_id
        assert run.data.metrics["result.val_accuracy"] == -record.loss
        assert float(run.data.params["x"]) == record.point["x"]
        history = client.get_metric_history(run.info.run_id, "val_accuracy")
        assert [each.value for each in history] == record.history["val_accuracy"]


def test_wandb_writes_an_offline_run_for_each_trial(tmp_path: Path, monkeypatch) -> None:
    need("wandb")
    monkeypatch.setenv("WANDB_MODE", "offline")
    study, notes = search(tmp_path / "results", "wandb", trials=2)
    assert notes == []
    runs = sorted((tmp_path / "results" / FOLDER / "wandb").glob("offline-run-*/run-*.wandb"))
    for path, record in zip(runs, study.records, strict=True):
        end = time.monotonic() + 20  # the service of wandb may write a moment after a run has ended
        while len((run := read_run(path))["history"]) < record.epochs and time.monotonic() < end:
            time.sleep(0.2)
        assert run["group"] == "results"
        assert run["config"]["point"] == record.point
        assert [step["val_accuracy"] for step in run["history"]] == record.history["val_accuracy"]
