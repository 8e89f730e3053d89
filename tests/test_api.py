"""``metaopt.search`` over plain functions, as ``hyperopt.fmin`` takes them."""

import math
import os
import signal
import subprocess
import sys
import tempfile
import time
import warnings
from pathlib import Path

import pytest
from hyperopt import hp

import metaopt
from metaopt.blueprint import Blueprint, Conv2D, Dense, Flatten, Input
from metaopt.engine.callbacks import Callback
from metaopt.errors import NoTrialSucceeded, StudyMismatch, UserError
from metaopt.storage.study import Study
from tests.marks import with_slow


class Notes(Callback):
    def __init__(self):
        self.texts = []

    def note(self, message):
        self.texts.append(message)


SPACE = {"x": hp.uniform("x", -3, 3), "sign": hp.choice("sign", [-1, 1])}


def parabola(point):
    return (point["x"] - 1) ** 2 * (2 + point["sign"])


def with_budget(point, *, epochs, checkpoint):
    Path(checkpoint, "weights").write_text("kept")
    return {"loss": parabola(point) / epochs, "status": "ok", "note": "kept", "unheard": object()}


@pytest.fixture
def results(tmp_path):
    return tmp_path / "results"


def test_function_that_returns_its_loss(results):
    study = metaopt.search(parabola, SPACE, trials=30, results=results)
    assert study.best["loss"] == min(record["loss"] for record in study.records) < 0.5
    assert parabola(study.best["space"]) == pytest.approx(study.best["loss"])
    assert len(study.trials.trials) == len(study.records) == 30
    assert sum(record["model_based"] for record in study.records) == 22


@pytest.mark.parametrize("executor", with_slow(["inline", "processes"], ["processes"]))
def test_function_that_changes_the_folder(tmp_path, monkeypatch, executor):
    monkeypatch.chdir(tmp_path)

    def train(point):
        with tempfile.TemporaryDirectory() as scratch:  # it is deleted, and is still the current folder
            os.chdir(scratch)
        return point["x"] ** 2

    study = metaopt.search(train, SPACE, trials=3, results="study", executor=executor)
    assert len(study.records) == 3
    assert study.folder == tmp_path / "study"
    assert len(list((tmp_path / "study").glob("model_*.json"))) == 3
    assert (tmp_path / "study.pkl").exists()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
@pytest.mark.parametrize("ends", ["returns", "raises"])
def test_a_copy_that_a_training_forked_ends_with_it(results, ends):
    def train(point):
        copy = os.fork()
        if copy:
            return os.waitstatus_to_exitcode(os.waitpid(copy, 0)[1])
        if ends == "raises":
            raise KeyboardInterrupt
        return -1.0

    study = metaopt.search(train, SPACE, trials=3, results=results)
    assert [record["loss"] for record in study.records] == [1.0] * 3


def make(k):
    return lambda point: (point["x"] - k) ** 2


@pytest.mark.slow
@pytest.mark.parametrize("other", [make(2), lambda point: point["x"]])
def test_another_function_is_refused(results, other):
    metaopt.search(make(1), SPACE, trials=2, results=results)
    assert len(metaopt.search(make(1), SPACE, trials=3, results=results).records) == 3
    with pytest.raises(StudyMismatch, match=r"another function train.*pass same_function=True"):
        metaopt.search(other, SPACE, trials=4, results=results)
    assert len(metaopt.search(other, SPACE, trials=4, results=results, same_function=True).records) == 4
    # It is the study's function from then on.
    assert len(metaopt.search(other, SPACE, trials=5, results=results).records) == 5
    with pytest.raises(StudyMismatch, match="another function train"):
        metaopt.search(make(1), SPACE, trials=6, results=results)


def test_a_function_that_logs_its_points_is_the_same(results):
    log = []

    def train(point):
        log.append(point)
        return point["x"] ** 2

    for trials in (2, 4):
        assert len(metaopt.search(train, SPACE, trials=trials, results=results).records) == trials


@pytest.mark.slow
def test_rerunning_with_a_total_trains_nothing_more(results):
    notes = Notes()
    metaopt.search(parabola, SPACE, trials=5, results=results)
    study = metaopt.search(parabola, SPACE, trials=5, results=results, callbacks=[notes])
    assert len(study.records) == 5
    assert "completed with 5 trials, and a total of 5 was asked for" in notes.texts[0]
    study = metaopt.search(parabola, SPACE, results=results, callbacks=[notes])
    assert len(study.records) == 10
    assert "completed with 5 trials; 5 more are trained, 10 in all." in notes.texts[1]


@pytest.mark.slow
def test_the_package_offers_its_version_and_subpackages():
    code = "import metaopt; print(metaopt.__version__, metaopt.samplers.TPE(5), metaopt.schedulers.Hyperband)"
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert shown.startswith("0.")
    assert set(metaopt.__all__) <= set(dir(metaopt))


@pytest.mark.slow
def test_resumed_search_equals_an_uninterrupted_one(tmp_path):
    whole = metaopt.search(parabola, SPACE, trials=12, seed=3, results=tmp_path / "whole")
    calls = []

    def interrupted(point):
        calls.append(point)
        if len(calls) == 8:
            signal.raise_signal(signal.SIGINT)  # Ctrl-C
        return parabola(point)

    with pytest.raises(KeyboardInterrupt):
        metaopt.search(interrupted, SPACE, trials=12, seed=3, results=tmp_path / "parts")
    parts = metaopt.search(parabola, SPACE, trials=12, seed=3, results=tmp_path / "parts", same_function=True)
    assert [r["vals"] for r in parts.records] == [r["vals"] for r in whole.records]
    assert [r["loss"] for r in parts.records] == [r["loss"] for r in whole.records]


@pytest.mark.slow
def test_grow_and_fill_work_with_a_function(results):
    def network(point, input_shape, classes):
        inputs = Input(input_shape)
        return Blueprint(inputs, Dense(classes["label"])(Flatten()(Conv2D(int(point["filters"]), 3)(inputs))))

    study = metaopt.search(
        lambda point: -point["filters"],
        {"filters": hp.quniform("filters", 1, 400, 1)},
        network=network,
        input_shape=(8, 8, 1),
        classes={"label": 2},
        trials=8,
        grow="params=1e3,1e4",
        fill=0.5,
        results=results,
    )
    params = [network(record["space"], (8, 8, 1), {"label": 2}).params for record in study.records]
    assert all(500 <= count <= 1000 for count in params[:4])
    assert all(5000 <= count <= 10_000 for count in params[4:])
    with pytest.raises(ValueError, match="grow and fill need network"):
        metaopt.search(parabola, SPACE, grow="params=1e3,1e4", results=results)


def test_function_with_a_budget(results):
    study = metaopt.search(with_budget, SPACE, epochs=4, trials=6, results=results)
    assert study.best["result"]["note"] == "kept"
    assert len(list(results.glob("checkpoints/*/weights"))) == 6
    assert study.best["loss"] == pytest.approx(parabola(study.best["space"]) / 4)


@pytest.mark.parametrize("strategy", ["hyperband", "asha", "bohb", "ea-hyperband"])
def test_function_with_a_budget_is_trained_from_rung_to_rung(results, strategy):
    calls: dict[str, list[int]] = {}

    def train(point, *, epochs, checkpoint):
        calls.setdefault(checkpoint, []).append(epochs)
        return parabola(point) / epochs

    study = metaopt.search(train, SPACE, strategy=strategy, epochs=9, trials=17, results=results)
    assert study.best["complete"]
    assert study.best["loss"] == pytest.approx(parabola(study.best["space"]) / 9)
    assert calls == {
        str(results / "checkpoints" / f"{record['trial']:06d}"): [to for to, _ in record["rungs"]]
        for record in study.records
    }
    assert {tuple(to for to, _ in record["rungs"]) for record in study.records} >= {(1,), (1, 3, 9)}
    assert all(to == epochs for record in study.records for to, epochs in record["rungs"])


@pytest.mark.slow
def test_constraint_on_seconds_is_judged_at_each_rung(results):
    def train(point, *, epochs, checkpoint):
        time.sleep(0.5 if epochs > 1 else 0)
        return point["x"] ** 2 / epochs

    given = {"strategy": "hyperband", "epochs": 3, "trials": 3, "constraints": ["seconds<=0.4"], "results": results}
    study = metaopt.search(train, SPACE, **given)
    promoted = [record for record in study.records if len(record["visits"]) > 1]
    assert [[visit["feasible"] for visit in record["visits"]] for record in promoted] == [[True, False]]


def test_objective_that_is_maximised(results):
    def train(point):
        return {"val_accuracy": 1 / (1 + parabola(point))}

    study = metaopt.search(train, SPACE, trials=8, objective="val_accuracy", results=results)
    assert study.best["loss"] == min(-1 / (1 + parabola(record["space"])) for record in study.records)


def test_search_continues_after_failures(results):
    def fragile(point):
        if point["x"] < -1:
            raise ValueError("too small")
        return math.nan if point["x"] > 2.5 else parabola(point)

    study = metaopt.search(fragile, SPACE, trials=40, strategy="random", results=results)
    failed = [record for record in study.records if record["status"] == "fail"]
    assert {record["cause"] for record in failed} == {"ValueError", "diverged"}
    assert all((record["space"]["x"] < -1) == (record["cause"] == "ValueError") for record in failed)


def test_search_continues_where_warnings_are_errors(results):
    calls = iter(range(8))

    def fragile(point):
        if next(calls) == 0:
            raise ValueError("not yet")
        return parabola(point)

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        study = metaopt.search(fragile, SPACE, trials=8, results=results)
    assert sorted(record["status"] for record in study.records) == ["fail", *["ok"] * 7]


@pytest.mark.slow
def test_worker_processes(results):
    study = metaopt.search(parabola, SPACE, trials=6, workers=2, executor="processes", results=results)
    assert [record["status"] for record in study.records] == ["ok"] * 6


def test_constraint_on_a_value_that_the_function_returns(results):
    def train(point):
        return {"loss": point["x"], "seconds_per_image": abs(point["x"])}

    limit = "seconds_per_image<=1"
    study = metaopt.search(train, SPACE, trials=20, strategy="random", constraints=[limit], results=results)
    assert study.best["space"]["x"] >= -1
    assert min(record["loss"] for record in study.records) < -1


@pytest.mark.parametrize("value", [math.nan, math.inf, None, "5ms"])
def test_missing_or_invalid_constrained_value_fails_the_trial(results, value):
    """The value is no number, or is never returned, e.g. because of a typing error in the constraint's name."""

    def train(point):
        latency = value if point["x"] > 0 else 3.0
        return {"loss": point["x"] ** 2} if latency is None else {"loss": point["x"] ** 2, "latency": latency}

    given = {"strategy": "random", "constraints": ["latency<=5", "seconds<=60"], "results": results}
    metaopt.search(train, SPACE, trials=8, **given)
    study = metaopt.search(train, SPACE, trials=8, **given)
    failed = [record for record in study.records if record["status"] == "fail"]
    assert 0 < len(failed) < 16
    assert all((record["space"]["x"] > 0) == (record["status"] == "fail") for record in study.records)
    assert failed[0]["error"] == f"train returned {value!r} as latency, by which a constraint cannot be judged."


def test_constraint_on_params_needs_a_network_or_a_value(results):
    with pytest.warns(RuntimeWarning), pytest.raises(NoTrialSucceeded, match="train returned None as params"):
        metaopt.search(parabola, SPACE, trials=2, constraints="params<=10", results=results)
    counted = metaopt.search(
        lambda point: {"loss": 1.0, "params": 10 + point["sign"]},
        SPACE,
        trials=12,
        strategy="random",
        constraints=["params<=10"],
        results=results.with_name("counted"),
    )
    assert {record["feasible"] for record in counted.records if record["space"]["sign"] == 1} == {False}
    assert counted.best["space"]["sign"] == -1


def test_other_seed_does_not_match_the_study(results):
    metaopt.search(parabola, SPACE, trials=2, seed=3, results=results)
    with pytest.raises(StudyMismatch, match="a study of seed 3, not 0: use that seed"):
        metaopt.search(parabola, SPACE, trials=2, results=results)


def test_invalid_search_leaves_no_study_behind(results):
    with pytest.raises(UserError, match="no parameter of the space changes"):
        metaopt.search(
            parabola,
            SPACE,
            network=lambda point, shape, classes: (lambda x: Blueprint(x, Dense(2)(Flatten()(x))))(Input(shape)),
            input_shape=(4, 4, 1),
            classes={"label": 2},
            grow="macs=10,20",
            trials=4,
            results=results,
        )
    assert not results.exists()


def test_results_may_be_the_current_folder(tmp_path, monkeypatch):
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    metaopt.search(parabola, SPACE, trials=2, results=".")
    assert (tmp_path / "here" / "journal.jsonl").exists()
    assert (tmp_path / "here.pkl").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"epochs": 3}, "epochs is given, but train"),
        ({"network": lambda *_: None}, "network needs input_shape and classes"),
        ({"strategy": "asha"}, "The strategy asha trains in steps, but train.* takes no budget"),
    ],
)
def test_arguments_that_contradict_each_other(results, arguments, message):
    with pytest.raises(ValueError, match=message):
        metaopt.search(parabola, SPACE, results=results, **arguments)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"trials": 0}, "Invalid value for trials: 0. Expected an integer >= 1."),
        ({"seed": -1}, "Invalid value for seed: -1. Expected an integer >= 0."),
        ({"workers": 1.5}, "Invalid value for workers: 1.5. Expected an integer >= 1."),
        ({"stop_after": -1}, "Invalid value for stop_after: -1. Expected an integer >= 0."),
        ({"constraints": ["latency<5"]}, "Invalid value for constraint: latency<5."),
        ({"objective": "val_acuracy"}, "Unknown objective: val_acuracy. Did you mean val_accuracy?"),
    ],
)
def test_invalid_values_name_the_parameter(results, arguments, message):
    with pytest.raises(UserError) as caught:
        metaopt.search(parabola, SPACE, results=results, **arguments)
    assert str(caught.value).startswith(message)
    assert not results.exists()


@pytest.mark.slow
def test_auto_workers_without_a_gpu_are_one_and_warned_of(results, monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    with pytest.warns(UserWarning, match="No GPU was found, so workers auto is 1"):
        study = metaopt.search(parabola, SPACE, trials=2, workers="auto", executor="processes", results=results)
    assert study.state.settings["workers"] == 1
    with pytest.raises(UserError, match="trials_per_gpu needs a GPU, and none was found"):
        metaopt.search(parabola, SPACE, trials_per_gpu=2, executor="processes", results=results)


@pytest.mark.parametrize("arguments", [{}, {"executor": "inline"}])
def test_several_workers_need_processes(results, arguments):
    message = "Invalid value for workers: 2. The executor inline trains one trial at a time; use processes."
    with pytest.raises(UserError) as caught:
        metaopt.search(parabola, SPACE, workers=2, results=results, **arguments)
    assert str(caught.value) == message
    assert not results.exists()


def test_unknown_executor_is_named(results):
    with pytest.raises(UserError, match=r"Unknown executor: process\. Did you mean processes\?"):
        metaopt.search(parabola, SPACE, executor="process", results=results)
    assert not results.exists()


class Told(Callback):
    """Writes its name into a list whenever a trial ends."""

    def __init__(self, name, calls):
        self.name, self.calls = name, calls

    def trial_ended(self, record, best):
        self.calls.append((self.name, record["trial"]))


def test_callbacks_are_called_in_order_and_watch_last(results):
    calls = []
    first, second, watch = (Told(name, calls) for name in ("first", "second", "watch"))
    metaopt.search(parabola, SPACE, trials=2, results=results, callbacks=[first, second], watch=watch)
    assert calls == [(name, trial) for trial in (0, 1) for name in ("first", "second", "watch")]


def test_budget_must_be_given(results):
    with pytest.raises(ValueError, match="train takes epochs"):
        metaopt.search(with_budget, SPACE, results=results)


def test_unknown_names_and_mismatching_studies(results):
    with pytest.raises(UserError, match="Did you mean tpe"):
        metaopt.search(parabola, SPACE, strategy="tpee", results=results)
    with pytest.raises(UserError, match=r"Unknown objective: quality\. Expected one of val_accuracy"):
        metaopt.search(parabola, SPACE, objective="quality", results=results)
    assert not results.exists()
    metaopt.search(parabola, SPACE, trials=2, results=results)
    with pytest.raises(StudyMismatch, match="another search space"):
        metaopt.search(parabola, {"x": hp.uniform("x", 0, 1)}, results=results)


@pytest.mark.parametrize(
    ("answer", "cause"),
    [(math.nan, "The loss is nan"), (None, "returned NoneType as its loss"), ({"accuracy": 1}, "NoneType as its loss")],
)
def test_functions_without_any_loss_warn_and_raise(results, answer, cause):
    with (
        pytest.warns(RuntimeWarning, match=f"Trial 0 failed: .*{cause}") as warned,
        pytest.raises(NoTrialSucceeded, match=f"None of the 2 trials succeeded.*{cause}"),
    ):
        metaopt.search(lambda point: answer, SPACE, trials=2, results=results)
    assert len(warned) == 1
    assert metaopt.Study.load(results).best is None


def test_progress_is_shown_unless_silenced(results, capsys):
    metaopt.search(parabola, SPACE, trials=2, results=results)
    assert "searching for 2 trials" in capsys.readouterr().out
    metaopt.search(parabola, SPACE, trials=3, results=results, progress=False)
    assert capsys.readouterr().out == ""


def test_time_limit_may_be_a_text(results):
    with pytest.raises(UserError, match="Invalid value for seconds: soon"):
        metaopt.search(parabola, SPACE, seconds="soon", results=results)
    for seconds in (-1, math.nan, [3]):
        with pytest.raises(UserError, match="Invalid value for seconds"):
            metaopt.search(parabola, SPACE, seconds=seconds, results=results)
    with pytest.warns(RuntimeWarning, match="No trial ended within the time limit of 0 s"):
        assert metaopt.search(parabola, SPACE, seconds=0, progress=False, results=results).best is None
    assert len(metaopt.search(parabola, SPACE, trials=2, seconds="1h30m", results=results).records) == 2
    assert len(metaopt.search(parabola, SPACE, trials=4, seconds=math.inf, results=results).records) == 4


class NoText:
    def __repr__(self):
        raise RuntimeError("no text")


class NoTextError(BaseException):
    def __str__(self):
        raise RuntimeError("no text")


def _hostile(number):
    """Return, or raise, what has ended searches."""
    ring = {}
    ring["me"] = ring
    deep = []
    for _ in range(10_000):
        deep = [deep]
    answers = [
        {(0, 1): 3, b"bytes": 4, 1: "a", "1": "b"}, ring, {"deep": deep}, {"caf\udce9": "\udce9"}, {"object": NoText()},
        {"epochs": "three"}, {"epochs": [3]}, {"epochs": 10**400}, {"versions": "3", "params": "few", "inherited": 1},
        {"space": 1, "trial": "x", "history": 3}, {"status": "fail", "cause": NoText(), "error": {1}},
    ]  # fmt: skip
    if number == len(answers):
        raise NoTextError
    return {"loss": 0.5, **answers[number]}


@pytest.mark.parametrize("executor", with_slow(["inline", "processes"], ["processes"]))
def test_no_answer_of_a_function_ends_the_search_or_a_restart(results, executor):
    space = {"number": hp.randint("number", 12)}
    arguments = {"results": results, "executor": executor, "progress": False, "strategy": "random"}
    metaopt.search(lambda point: _hostile(point["number"]), space, trials=12, **arguments)
    records = metaopt.search(lambda point: _hostile(point["number"]), space, trials=12, **arguments).records
    assert {record["vals"]["number"]: record["status"] for record in records} == {
        **dict.fromkeys(range(10), "ok"), 10: "fail", 11: "fail",
    }  # fmt: skip
    assert [record.to_json() for record in records] == [record.to_json() for record in Study.load(results).records]


def test_hyperparameters_that_the_function_ignores_are_noted(tmp_path, recwarn):
    class Notes(Callback):
        def __init__(self):
            self.notes = []

        def note(self, text):
            self.notes.append(text)

    space = {"x": hp.uniform("x", 0, 1), "lr": hp.uniform("lr", 0, 1), "whole": hp.uniform("whole", 0, 1)}
    for train, expected in ((lambda point: point["x"] + point.get("whole"), {"lr"}), (lambda p: f(**p), set())):
        notes = Notes()
        study = metaopt.search(
            train, space, trials=7, results=tmp_path / str(len(expected)), callbacks=[notes], progress=False
        )
        assert [note for note in notes.notes if "Nothing reads" in note] == [
            "Nothing reads 'lr' of the space: the functions that build and train ignore the key, so other values have"
            " no effect. Did you mean 'learning_rate' instead of 'lr'?"
        ] * len(expected)
        assert study.state.unread == expected


def f(x, lr, whole):
    return x


def hangs_below_zero(point):
    if point["x"] < 0:
        time.sleep(60)
    return point["x"] ** 2


@pytest.mark.parametrize("executor", ["inline", pytest.param("processes", marks=pytest.mark.slow)])
def test_a_training_that_hangs_fails_and_the_search_goes_on(results, executor):
    space = {"x": hp.uniform("x", -1, 1)}
    study = metaopt.search(
        hangs_below_zero, space, trials=3, seed=1, results=results, executor=executor, trial_timeout_s="0.3s"
    )
    status = {record.trial: record.status for record in study.records}
    assert set(status.values()) == {"ok", "fail"}
    for record in study.records:
        hung = record.vals["x"] < 0
        assert record.status == ("fail" if hung else "ok")
        assert ("longer than the 0.3 s that a trial may take" in (record.error or "")) == hung
    assert study.settings["trial_timeout_s"] == 0.3


@pytest.mark.parametrize("limit", [-1, math.nan, "soon"])
def test_an_invalid_trial_timeout_is_refused(results, limit):
    with pytest.raises(UserError, match="Invalid value for trial_timeout_s"):
        metaopt.search(parabola, SPACE, trial_timeout_s=limit, results=results)


def two_losses(point):
    return {"loss": point["x"] ** 2, "other": (point["x"] - 2) ** 2, "sign": point["sign"]}


def test_several_objectives_give_a_front(tmp_path):
    study = metaopt.search(
        two_losses, SPACE, objective=("loss", "other:min"), trials=20, strategy="tpe", results=tmp_path, progress=False
    )
    xs = [record["space"]["x"] for record in study.front]
    assert len(xs) > 2
    assert study.best.trial == study.front[0].trial
    assert sorted(abs(x) for x in xs) == [abs(x) for x in xs]
    assert study.knee in study.front
    (tmp_path / "one").mkdir()
    with pytest.raises(UserError, match="other cannot be both minimised and maximised"):
        metaopt.search(
            two_losses, SPACE, objective=("loss", "other:min", "other:max"), results=tmp_path / "one", progress=False
        )
