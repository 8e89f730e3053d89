"""``metaopt import``: all files or none, and no study without readable trials."""

import json
import os
from pathlib import Path

import pytest

from metaopt.cli.best import main as best
from metaopt.cli.export import main as export
from metaopt.cli.import_trials import main
from metaopt.storage.study import Study
from metaopt.terminal.commands import command, shown
from tests.cli.running import Outcome, run_command
from tests.engine.synthetic import search

PROBLEM = """
from hyperopt import hp
from metaopt.blueprint import Blueprint, Dense, Flatten, Input
space = {
    "x": hp.uniform("x", -1, 1),
    "branch": hp.choice("branch", [None, {"y": hp.loguniform("y", -3, 3)}, "plain"]),
}
def network(point, input_shape, classes):
    inputs = Input(input_shape)
    return Blueprint(inputs, Dense(classes["label"])(Flatten()(inputs)))
"""


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch) -> Path:
    """Folder of another study of the same space."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.py").write_text(PROBLEM)
    search(tmp_path / "elsewhere", trials=4)
    return tmp_path / "elsewhere"


def import_files(capsys, *files: Path | str) -> Outcome:
    return run_command(main, capsys, "--data", "digits", "--space", "mine.py", *files)


def test_trials_of_another_study_are_imported_once(elsewhere: Path, capsys) -> None:
    files = sorted(elsewhere.glob("model_*.json"))
    assert "Imported trials: 4." in import_files(capsys, *files).out
    study = Study.load("results")
    assert [record["imported"] for record in study.records] == [True] * 4
    assert study.best is None  # an imported trial is never the best
    shown_best = json.loads(run_command(best, capsys).out)
    assert (shown_best["imported"], shown_best["space"]) == (True, study.records[-1].point)
    assert shown_best["source"] == shown(files[-1])  # names of files sort the best last
    assert "Imported trials: 0." in import_files(capsys, *files).out
    assert len(Study.load("results").records) == 4


def test_a_pickle_of_trials_is_imported(elsewhere: Path, capsys) -> None:
    assert "Imported trials: 4." in import_files(capsys, "elsewhere.pkl").out
    losses = [record.loss for record in Study.load("elsewhere").records]
    assert [record.loss for record in Study.load("results").records] == losses


def test_settings_of_the_new_study_are_stored(elsewhere: Path, capsys) -> None:
    import_files(capsys, "--objective", "val_loss", "--seed", "3", *elsewhere.glob("model_*.json"))
    study = Study.load("results")
    assert (study.settings["objective"], study.settings["seed"]) == ("val_loss", 3)


def test_records_of_unfinished_trials_are_skipped(elsewhere: Path, capsys) -> None:
    complete, paused = sorted(elsewhere.glob("model_*.json"))[:2]
    paused.write_text(json.dumps({**json.loads(paused.read_text()), "complete": False}))
    out = import_files(capsys, complete, paused).out
    assert f"Skipped {shown(paused)}: it holds no trial that was trained to its end." in out
    assert "Imported trials: 1." in out


def test_an_unreadable_file_leaves_no_study(elsewhere: Path, capsys) -> None:
    outcome = import_files(capsys, *elsewhere.glob("model_*.json"), "absent.json")
    assert outcome.code == 2
    assert "absent.json cannot be read as a record" in outcome.errors[0]
    assert not Path("results/journal.jsonl").exists()


def test_a_point_of_another_space_is_an_error(elsewhere: Path, capsys) -> None:
    file = min(elsewhere.glob("model_*.json"))
    file.write_text(json.dumps({**json.loads(file.read_text()), "space": {"x": 5}}))
    outcome = import_files(capsys, file)
    assert outcome.code == 2
    assert file.name in outcome.errors[0]
    assert not Path("results/journal.jsonl").exists()


def test_sources_are_required(capsys) -> None:
    outcome = run_command(main, capsys)
    assert outcome.code == 2
    assert f"SOURCE. See `{command('import', '--help')}`." in outcome.errors[0]


def test_problem_that_changes_the_folder(elsewhere: Path, capsys, tmp_path: Path, monkeypatch) -> None:
    (tmp_path / "scratch").mkdir()
    problem = Path("wandering.py")
    problem.write_text(f"import os; os.chdir({str(tmp_path / 'scratch')!r})\n{PROBLEM}")
    folder, record = Path.cwd(), os.path.relpath(min(elsewhere.glob("model_*.json")))
    assert run_command(main, capsys, "--space", problem, "--data", "digits", record).code == 0
    assert Path.cwd() == tmp_path / "scratch"
    assert (folder / "results" / "journal.jsonl").exists()
    assert Study.load(folder / "results").records[0].source == record


def test_records_and_their_pickle_give_one_trial_each(elsewhere: Path, capsys) -> None:
    out = import_files(capsys, "elsewhere.pkl", *sorted(elsewhere.glob("model_*.json"))).out
    assert "Imported trials: 4." in out
    assert "in another file or in the study already: 4." in out
    assert all(record.history for record in Study.load("results").records)  # of the records, not of the pickle


def test_one_bad_record_imports_nothing_and_names_its_field(elsewhere: Path, capsys) -> None:
    *_, last = files = sorted(elsewhere.glob("model_*.json"))
    record = json.loads(last.read_text())
    record["history"]["val_accuracy"][1] = "high"
    last.write_text(json.dumps(record))
    outcome = import_files(capsys, *files)
    assert outcome.code == 2
    assert f"{last.name} is not a valid record: history.val_accuracy is 'high' at epoch 2" in outcome.err
    assert not Path("results").exists()


def test_a_study_and_a_folder_of_records_are_imported(elsewhere: Path, capsys) -> None:
    assert "Imported trials: 4." in import_files(capsys, "--results", "one", "elsewhere").out
    assert [record.history for record in Study.load("one").records] == [
        record.history for record in Study.load("elsewhere").records
    ]
    records = elsewhere.with_name("records")
    records.mkdir()
    for path in elsewhere.glob("model_*.json"):
        path.rename(records / path.name)
    (records / "notes.json").write_text("{}")
    outcome = import_files(capsys, "--results", "two", "records")
    assert "Imported trials: 4." in outcome.out
    assert "note: 1 JSON file of records left out: no records of trials." in outcome.out


def test_a_study_of_other_data_is_left_to_start_from(elsewhere: Path, capsys) -> None:
    import_files(capsys, "--results", "one", "elsewhere")
    outcome = run_command(main, capsys, "--data", "digits", "--split-seed", "3", "--space", "mine.py", "one")
    assert outcome.code == 3
    assert "was searched on other data" in outcome.errors[0]
    assert "--start-from" in outcome.errors[0]
    assert not Path("results").exists()


def test_a_table_is_imported(elsewhere: Path, capsys) -> None:
    run_command(export, capsys, "elsewhere", "--to", "csv")
    outcome = import_files(capsys, "elsewhere.csv", *elsewhere.glob("model_*.json"))
    assert "Imported trials: 4." in outcome.out  # once, with the history of the records
    assert all(record.history for record in Study.load("results").records)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("empty", "empty holds neither a study nor a record: 0 JSON files"),
        ("pipe.csv", "pipe.csv cannot be read as a table (it is a named pipe, not a regular file)"),
        ("absent.csv", "absent.csv cannot be read as a table (No such file or directory)"),
    ],
)
def test_what_is_no_source_is_one_sentence(elsewhere: Path, capsys, name: str, message: str) -> None:
    Path("empty").mkdir()
    os.mkfifo("pipe.csv")
    outcome = import_files(capsys, name)
    assert outcome.code == 2
    assert message in outcome.errors[0]
    assert not Path("results").exists()
