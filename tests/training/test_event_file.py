"""Event files, read back with TensorBoard's own reader."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from metaopt.training.event_file import EventFile, flatten_point
from tests.training.events import read_events, read_values


def test_events_are_read_back_as_they_were_written(tmp_path: Path) -> None:
    weights = np.arange(61, dtype=np.float32)
    with EventFile(tmp_path) as file:
        file.scalars({"loss": 0.5, "rate": 1e-3}, 1)
        file.scalars({"loss": 0.25}, 2)
        file.histograms({"weights": np.append(weights, [np.nan, np.inf]), "same": np.full(4, 2.0)}, 3)
        file.histograms({"broken": np.array([np.nan])}, 3)
        file.text("table", "| a |")
    first, *_ = read_events(tmp_path)
    assert first.file_version == "brain.Event:2"
    values = read_values(tmp_path)
    assert values["scalars", "loss", 1] == 0.5
    assert values["scalars", "loss", 2] == 0.25
    assert values["scalars", "rate", 1] == np.float32(1e-3)
    buckets = values["histograms", "weights", 3]
    assert buckets.shape == (30, 3)
    assert buckets[:, 2].sum() == 61
    assert (buckets[0, 0], buckets[-1, 1]) == (0, 60)
    assert values["histograms", "same", 3].tolist() == [[2.0, 2.0, 4.0]]
    assert ("histograms", "broken", 3) not in values
    assert values["text", "table", 0].tolist() == b"| a |"


def test_runs_have_hyperparameters_and_metrics(tmp_path: Path) -> None:
    from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData

    values = {"lr": np.float32(0.5), "bn": True, "act": "relu", "kernel": (3, 3), "none": None, "depth": 4}
    with EventFile(tmp_path) as file:
        file.hyperparameters(values, {"test_accuracy": 0.75})
    contents = [
        HParamsPluginData.FromString(value.metadata.plugin_data.content)
        for event in read_events(tmp_path)
        for value in event.summary.value
        if value.metadata.plugin_data.plugin_name == "hparams"
    ]
    assert [each.WhichOneof("data") for each in contents] == ["experiment", "session_start_info", "session_end_info"]
    shown = contents[1].session_start_info.hparams
    assert (shown["lr"].number_value, shown["depth"].number_value, shown["bn"].bool_value) == (0.5, 4.0, True)
    assert (shown["act"].string_value, shown["kernel"].string_value) == ("relu", "(3, 3)")
    assert shown["none"].string_value == "None"
    assert [each.name.tag for each in contents[0].experiment.metric_infos] == ["test_accuracy"]
    assert read_values(tmp_path)["scalars", "test_accuracy", 0] == 0.75


def test_files_of_one_second_do_not_meet(tmp_path: Path) -> None:
    for number in range(3):
        with EventFile(tmp_path / "run") as file:
            file.scalars({"number": number}, number)
    assert len(list((tmp_path / "run").iterdir())) == 3
    assert {step for _, _, step in read_values(tmp_path / "run")} == {0, 1, 2}


@pytest.mark.slow
def test_no_framework_is_imported(tmp_path: Path) -> None:
    script = (
        "import sys, numpy; from pathlib import Path; from metaopt.training.event_file import EventFile\n"
        "with EventFile(Path(sys.argv[1])) as file:\n"
        "    file.scalars({'a': 1}); file.histograms({'b': numpy.ones(3)}, 0); file.text('c', 'd')\n"
        "    file.hyperparameters({'e': 1}, {'f': 2})\n"
        "sys.exit(bool({'tensorflow', 'keras', 'torch', 'jax'} & set(sys.modules)))\n"
    )
    done = subprocess.run([sys.executable, "-c", script, str(tmp_path)], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert ("scalars", "f", 0) in read_values(tmp_path)


@pytest.mark.parametrize(
    ("point", "flat"),
    [({"a": 1, "b": {"c": 2, 3: {"d": None}}}, {"a": 1, "b/c": 2, "b/3/d": None}), ({}, {}), (5, {"point": 5})],
)
def test_nested_points_become_flat(point: object, flat: dict[str, object]) -> None:
    assert flatten_point(point) == flat
