"""Studies, problem files and proposals of the version of commit 6d6ebe8: every later version must read and repeat them.

``assets/studies/README.md`` tells what the studies are. A test that fails here means that users lose something.
"""

import importlib
import json
import pickle
import runpy
import shutil
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import hyperopt
import numpy as np
import pytest

import metaopt
from metaopt.__main__ import main as metaopt_command
from tests.assets import make_golden, tiny_functions
from tests.assets.searches import COMMANDS, COMMON, FUNCTIONS, INTERRUPTED
from tests.marks import with_slow

ASSETS = Path(__file__).parent / "assets"
KINDS = (*COMMANDS, *FUNCTIONS)
GOLDEN = json.loads(make_golden.GOLDEN.read_text())
IN_TRAINING = 1  # the trial of the interrupted study that was being trained
# Of it the study knows more than the record that was written at its last rung.
UNFINISHED = {"epochs", "paused", "history", "scores"}
# What users' problem files import, beside ``metaopt.blueprint``: by the documentation, and by the reference problem.
IMPORTED_BY_PROBLEMS = {
    "metaopt.study.problem": ("Training", "Problem"),
    "metaopt.training": ("compile_model", "build_and_train"),
    "metaopt.zoo.conv_stack": ("space", "make_space", "network", "training"),
    "metaopt.zoo.flower_cnn": ("space", "network"),
    "metaopt.zoo.wide_resnet": ("space", "network", "wrn"),
    "metaopt.errors": ("UserError",),
}


def records_of(kind: str) -> dict[int, dict[str, Any]]:
    """Trial → its record as the study gives it."""
    return {record["trial"]: as_json(record) for record in metaopt.Study.load(kind).records}


def as_json(record: Any) -> dict[str, Any]:
    """A record as its file holds it."""
    return json.loads(json.dumps(record.to_json(), default=str))


def record_files(kind: str) -> dict[int, Path]:
    """Trial → the file of its record."""
    return {int(path.stem.split("_")[-1]): path for path in Path(kind).glob("*_[0-9]*.json")}


def events_of(kind: str) -> list[dict[str, Any]]:
    """The events of a study's journal."""
    return [json.loads(line) for line in Path(kind, "journal.jsonl").read_text().splitlines()]


def files_in(path: Path) -> dict[Path, bytes]:
    """Every file below a folder, with its content."""
    return {file: file.read_bytes() for file in path.rglob("*") if file.is_file()}


@pytest.mark.parametrize("kind", KINDS)
def test_records_equal_their_files(studies, kind):
    records, files = records_of(kind), record_files(kind)
    assert records.keys() == files.keys()
    for trial, record in records.items():
        stored = json.loads(files[trial].read_text())
        known = set(stored) - (UNFINISHED if (kind, trial) == (INTERRUPTED, IN_TRAINING) else set())
        assert {key: record[key] for key in known} == {key: stored[key] for key in known}
        assert record.keys() == stored.keys()


@pytest.mark.parametrize("kind", KINDS)
def test_best_record_sorts_last(studies, kind):
    last = max(path for path in Path(kind).glob("model_*.json"))
    assert metaopt.Study.load(kind).best["trial"] == json.loads(last.read_text())["trial"]


@pytest.mark.parametrize("kind", KINDS)
def test_pickle_equals_the_study(studies, kind):
    stored = pickle.loads(Path(f"{kind}.pkl").read_bytes())
    assert stored.trials == metaopt.Study.load(kind).trials.trials


def test_plain_hyperopt_continues_a_pickle(studies):
    trials = pickle.loads(Path("tpe.pkl").read_bytes())
    space = runpy.run_path("tiny_problem.py")["space"]
    hyperopt.fmin(lambda _: 0.0, space, hyperopt.tpe.suggest, 10, trials=trials, show_progressbar=False)
    assert len(trials.trials) == 10


def test_reading_leaves_a_study_unchanged(studies):
    before = files_in(studies)
    for kind in KINDS:
        assert metaopt.Study.load(kind).best is not None
    assert files_in(studies) == before


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_report_draws_a_study(studies, kind, capsys, unrendered):
    before = files_in(studies)
    assert metaopt_command(["report", "--results", kind]) == 0
    files = [Path(file) for file in capsys.readouterr().out.split()]
    assert len([file for file in files if file.suffix == ".png"]) >= 5
    assert all(file.stat().st_size for file in files)
    assert files_in(studies).items() >= before.items()


@pytest.mark.slow
def test_report_renders_a_study(studies, capsys):
    assert metaopt_command(["report", "--results", "asha_paused"]) == 0
    assert all(Path(picture).stat().st_size > 5_000 for picture in capsys.readouterr().out.split())


@pytest.mark.slow
@pytest.mark.parametrize("kind", COMMANDS)
def test_best_prints_the_best_point(studies, kind, capsys):
    # Studies of that version hold no drawings, and a file that the user does not name is not run.
    assert metaopt_command(["best", "--results", kind, *COMMANDS[kind][:2]]) == 0
    assert json.loads(capsys.readouterr().out)["space"] == metaopt.Study.load(kind).best["space"]
    assert Path(kind, "figures", "model_best.png").exists() == (kind != "build_model")


@pytest.mark.slow
def test_compare_reads_test_scores(studies, capsys):
    assert metaopt_command(["compare", *KINDS]) == 0
    assert "0.978 (0.957–0.989)" in capsys.readouterr().out


@pytest.mark.slow
def test_exported_model_and_checkpoint_classify_images(studies, capsys):
    from PIL import Image
    from sklearn.datasets import load_digits

    digits = load_digits()
    for number in range(10):
        Image.fromarray(np.round(digits.images[number] * 255 / 16).astype(np.uint8)).save(f"{number}.png")
    assert metaopt_command(["best", "--results", "tpe", "--save", "snapshot.keras"]) == 0
    pictures = [f"{number}.png" for number in range(10)]
    for model in ("tpe/best.keras", "snapshot.keras"):
        capsys.readouterr()
        assert metaopt_command(["predict", model, *pictures]) == 0
        answers = [line.split()[1] for line in capsys.readouterr().out.splitlines()]
        assert sum(answer == str(number) for number, answer in enumerate(answers)) >= 8


@pytest.mark.slow
def test_import_takes_records_and_pickles(studies):
    sources = [*map(str, sorted(Path("tpe").glob("model_*.json"))), "folds.pkl"]
    flags = ["--results", "new", *COMMON, "--space", "tiny_problem.py", "--objective", "val_loss"]
    assert metaopt_command(["import", *flags, *sources]) == 0
    assert [record["imported"] for record in records_of("new").values()] == [True] * 14


@pytest.fixture
def keras_epochs(monkeypatch) -> Iterator[list[int]]:
    """Numbers of the epochs that Keras trains, from 0."""
    import keras

    class Recorder(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            begun.append(epoch)

    def fit(model, *arguments, callbacks=(), **options):
        # Steps are compiled, and undone, by a call without callbacks.
        return original(model, *arguments, callbacks=[*callbacks, Recorder()] if callbacks else (), **options)

    begun: list[int] = []
    original = keras.Model.fit
    monkeypatch.setattr(keras.Model, "fit", fit)
    return begun


@pytest.mark.slow
@pytest.mark.parametrize("kind", COMMANDS)
def test_search_resumes_without_retraining(studies, kind, keras_epochs):
    before, events = records_of(kind), events_of(kind)
    kept = {path: path.read_bytes() for trial, path in record_files(kind).items() if before[trial]["complete"]}
    # A finished study trains one trial more. The interrupted one completes a goal of 9 trials, which saves time.
    n_own = sum(not record["imported"] for record in before.values())
    more = ("--trials", "9" if kind == INTERRUPTED else str(n_own + 1))
    flags = ["--results", kind, *COMMON, *COMMANDS[kind], *more, "--executor", "inline"]
    assert metaopt_command(["search", *flags]) == 0

    assert events_of(kind)[: len(events)] == events
    new = [event for event in events_of(kind)[len(events) :] if event["event"] == "epoch"]
    assert len(keras_epochs) == len(new) * (3 if kind == "folds" else 1)
    known = Counter(event["trial"] for event in events if event["event"] == "epoch")
    for trial, count in known.items():
        epochs = [event["epoch"] for event in new if event["trial"] == trial]
        assert epochs == list(range(count + 1, count + 1 + len(epochs)))
    assert {path: path.read_bytes() for path in kept} == kept
    after = records_of(kind)
    own = sum(not record["imported"] for record in after.values())
    assert own == 9 if kind == INTERRUPTED else len(after) == len(before) + 1
    assert pickle.loads(Path(f"{kind}.pkl").read_bytes()).trials == metaopt.Study.load(kind).trials.trials


@pytest.mark.parametrize("kind", FUNCTIONS)
def test_function_search_resumes(studies, kind):
    name, arguments = FUNCTIONS[kind]
    before, events = records_of(kind), events_of(kind)
    kept = {path: path.read_bytes() for trial, path in record_files(kind).items() if before[trial]["complete"]}
    function = getattr(tiny_functions, name)
    study = metaopt.search(function, tiny_functions.SPACE, results=kind, **{**arguments, "trials": len(before) + 3})
    assert len(study.records) == len(before) + 3
    assert events_of(kind)[: len(events)] == events
    assert {path: path.read_bytes() for path in kept} == kept
    for event in events_of(kind)[len(events) :]:
        reached = [to for to, _ in before.get(event.get("trial"), {"rungs": []})["rungs"]]
        assert event["event"] != "continued" or event["to"] not in reached


@pytest.mark.parametrize("module", IMPORTED_BY_PROBLEMS)
def test_problem_files_can_import(module):
    assert all(hasattr(importlib.import_module(module), name) for name in IMPORTED_BY_PROBLEMS[module])


def test_edited_copies_of_the_reference_problem_work():
    folder = ASSETS / "reference_problem"
    point = hyperopt.pyll.stochastic.sample(
        runpy.run_path(str(folder / "space.py"))["space"], rng=np.random.default_rng(3)
    )
    names = runpy.run_path(str(folder / "neural_net.py"))
    assert names["network"](point, (32, 32, 3), {"label": 10}).params > 0
    assert isinstance(names["training"](point), metaopt.Training)


@pytest.mark.slow
def test_reference_problem_trains_as_a_folder(studies, keras_epochs):
    shutil.copytree(ASSETS / "reference_problem", studies / "problem")
    flags = ["--results", "new", *COMMON, "--space", "problem", "--trials", "1", "--epochs", "1"]
    assert metaopt_command(["search", *flags, "--executor", "inline"]) == 0
    assert len(keras_epochs) == 1


def list_golden_searches() -> list[Any]:
    """Return the names of the searches; of those with a Gaussian process, which take seconds, two per strategy."""
    names = list(make_golden.searches())
    slow = [name for name in names if "gp" in name]
    left_out = [name for name in slow if name.startswith("plain") == name.endswith("workers 4")]
    return with_slow([name for name in names if name not in left_out], slow)


@pytest.mark.parametrize("name", list_golden_searches())
def test_proposals_and_results_are_repeated(tmp_path, name):
    if make_golden.versions() != GOLDEN["versions"]:
        pytest.skip(f"the proposals were made with {GOLDEN['versions']}")
    expected, found = GOLDEN["searches"][name], make_golden.results(tmp_path / "results", name)
    assert [as_compared(trial) for trial in found] == [as_compared(trial) for trial in expected]


def as_compared(trial: list[Any]) -> dict[str, Any]:
    """A trial by its keys. The last digits are cut off, since processors differ in them."""
    return json.loads(
        json.dumps(dict(zip(GOLDEN["keys"], trial, strict=True))), parse_float=lambda text: float(f"{float(text):.9g}")
    )
