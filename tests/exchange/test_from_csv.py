"""Trials of CSV files."""

from pathlib import Path

import pytest
from hyperopt import hp

from metaopt.errors import UserError
from metaopt.exchange.from_csv import csv_events
from metaopt.exchange.trial_table import make_table, write_csv
from metaopt.spaces import compile_space
from metaopt.trials.objective import find_objectives
from tests.engine.synthetic import SPACE as SYNTHETIC
from tests.engine.synthetic import search

SPACE = compile_space(
    {
        "rate": hp.loguniform("learning_rate", -7, -1),
        "activation": hp.choice("activation", ["relu", "elu"]),
        "hidden": hp.choice("hidden", [None, {"units": hp.uniformint("units", 1, 64)}]),
    }
)
ACCURACY = find_objectives(["val_accuracy"])


def read(tmp_path: Path, text: str, objectives=ACCURACY) -> list[dict]:
    path = tmp_path / "trials.csv"
    path.write_text(text)
    return list(csv_events(path, SPACE, objectives, {}))


def test_an_exported_study_is_read_as_it_was(tmp_path: Path) -> None:
    study = search(tmp_path / "results", trials=8)
    write_csv(make_table(study), tmp_path / "trials.csv")
    events = list(csv_events(tmp_path / "trials.csv", compile_space(SYNTHETIC), ACCURACY, {}))
    assert [event["vals"] for event in events] == [dict(record.vals) for record in study.records]
    assert [event["result"]["loss"] for event in events] == [record.loss for record in study.records]


def test_keys_with_dots_are_read_as_they_were(tmp_path: Path) -> None:
    dotted = {**SYNTHETIC, "conv1.filters": hp.uniformint("conv1.filters", 1, 9)}
    study = search(tmp_path / "results", space=dotted, trials=3)
    write_csv(make_table(study), tmp_path / "trials.csv")
    events = list(csv_events(tmp_path / "trials.csv", compile_space(dotted), ACCURACY, {}))
    assert [event["point"] for event in events] == [record.point for record in study.records]


def test_failures_are_read_and_unfinished_trials_left_out(tmp_path: Path) -> None:
    rows = ("ok,true,0.9", "fail,true,", "ok,false,0.8", "PRUNED,,0.7", "TrialState.COMPLETE,,0.6", ",,0.5", ",,")
    lines = [f"0.01,elu,null,{row}" for row in rows]
    events = read(tmp_path, "\n".join(["rate,activation,hidden,status,complete,val_accuracy", *lines]))
    assert [(event["status"], event["result"]) for event in events] == [
        ("ok", {"loss": -0.9}),
        ("fail", {}),
        ("ok", {"loss": -0.6}),
        ("ok", {"loss": -0.5}),
    ]
    assert events[1]["source"].endswith("trials.csv, line 3")


def test_labels_and_paths_name_hyperparameters(tmp_path: Path) -> None:
    by_label = read(tmp_path, "learning_rate,activation,hidden,units,val_accuracy\n0.01,elu,option 1,8,0.9\n")
    by_path = read(tmp_path, "rate,activation,hidden.units,val_accuracy\n0.01,elu,8,0.9\n")
    prefixed = read(tmp_path, "space.rate,space.activation,space.hidden.units,val_accuracy\n0.01,elu,8,0.9\n")
    of_optuna = read(
        tmp_path,
        "number,value,params_learning_rate,params_activation,params_hidden,params_units,state\n"
        "0,0.9,0.01,elu,option 1,8,COMPLETE\n",
    )
    assert by_label[0]["vals"] == {"learning_rate": 0.01, "activation": 1, "hidden": 1, "units": 8}
    for events in (by_path, prefixed, of_optuna):
        assert events[0]["vals"] == by_label[0]["vals"]
        assert events[0]["result"] == {"loss": -0.9}


def test_an_empty_cell_is_none_where_the_point_needs_a_value(tmp_path: Path) -> None:
    [event] = read(tmp_path, "rate,activation,hidden,hidden.units,val_accuracy\n0.01,elu,,,0.9\n")
    assert event["point"]["hidden"] is None


def test_several_objectives_have_a_column_each(tmp_path: Path) -> None:
    objectives = find_objectives(["val_accuracy", "params"])
    [event] = read(tmp_path, "rate,activation,hidden,val_accuracy,params\n0.01,elu,null,0.9,1200\n", objectives)
    assert event["result"] == {"loss": -0.9, "params": 1200.0}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "has no column of a hyperparameter: its columns are none"),
        ("a,b\n1,2\n", "has no column of a hyperparameter: its columns are a, b. Expected labels of the space"),
        ("rate,activation,hidden\n0.01,elu,null\n", "has no column val_accuracy, which is the study's objective"),
        ("rate,rate,val_accuracy\n1,2,3\n", "has two columns 'rate'"),
        ("rate,val_accuracy\n1\n", "line 2: Too few cells. Expected 2 cells"),
        ("rate,val_accuracy\n1,2,3\n", "line 2: Too many cells"),
        ("rate,activation,hidden,val_accuracy\n0.01,elu,null,high\n", "Invalid value for val_accuracy: high. Expected"),
        (
            "rate,activation,hidden,val_accuracy\n99,elu,null,0.9\n",
            "line 2: The point is not in this space: rate is 99",
        ),
        ("learning_rate,activation,hidden,val_accuracy\n0.01,gelu,null,0.9\n", "activation is 'gelu', which is none"),
        (
            "rate,activation,hidden,val_accuracy,state\n0.01,elu,null,0.9,odd\n",
            "Unknown state: odd. Expected ok or fail",
        ),
    ],
)
def test_faults_of_a_table_are_one_sentence_each(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(UserError) as caught:
        read(tmp_path, text)
    assert message in str(caught.value)


def test_bytes_that_are_no_text_are_an_error(tmp_path: Path) -> None:
    (tmp_path / "trials.csv").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(UserError, match="cannot be read as a table"):
        list(csv_events(tmp_path / "trials.csv", SPACE, ACCURACY, {}))
