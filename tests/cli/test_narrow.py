"""``metaopt narrow``: a problem file with a narrower space."""

from pathlib import Path

import pytest

from metaopt.cli.narrow import main
from metaopt.engine.setup import ImageKind
from metaopt.problems.loading import load_problem
from metaopt.spaces import compile_space
from metaopt.storage.study import Study
from tests.cli.running import run_command
from tests.engine.synthetic import InOneGo, search

PROBLEM = """
from hyperopt import hp
from metaopt.blueprint import Blueprint, Conv2D, Dense, Flatten, Input
from metaopt.problems import Training

defaults = {"kernel": 3}

def square(x):
    return x * x

space = {
    "width": hp.loguniform("width", 0, 4),
    "activation": hp.choice("activation", ["relu", square]),
    "kernel": hp.uniformint("kernel", 1, 5),
    "rate": hp.uniform("rate", 0, 1),
}

def name_of(activation):
    return "elu" if activation is square else activation

def network(point, input_shape, classes):
    inputs = Input(input_shape)
    x = Conv2D(round(point["width"]), point["kernel"], activation=name_of(point["activation"]))(inputs)
    return Blueprint(inputs, Dense(classes["label"])(Flatten()(x)))

def training(point):
    return Training("Adam", learning_rate=point["rate"])
"""
IMAGES = ImageKind((8, 8, 1), {"label": 3})


class Accuracies(InOneGo):
    """Trains on paper: a width of 10 is best, and square is bad."""

    def metrics(self, job, epoch):
        penalty = 0.0 if job.point["activation"] == "relu" else 0.9
        accuracy = 1 / (1 + abs(job.point["width"] - 10)) + 0.5 - penalty
        return {"val_accuracy": accuracy, "val_loss": 1 - accuracy}


def search_problem(folder: Path, trials: int = 60) -> Study:
    (folder / "wide.py").write_text(PROBLEM)
    return search(
        folder / "study",
        problem=load_problem(str(folder / "wide.py")),
        images=IMAGES,
        trials=trials,
        executor=Accuracies(),
        sampler="random",
    )


@pytest.fixture
def study(tmp_path, monkeypatch) -> Study:
    monkeypatch.chdir(tmp_path)
    return search_problem(tmp_path)


def test_the_file_has_a_narrower_space_and_the_same_networks(study, capsys) -> None:
    outcome = run_command(main, capsys, "study", "-o", "space_narrow.py")
    assert outcome.code == 0
    earlier, narrowed = load_problem("wide.py"), load_problem("space_narrow.py")
    space = compile_space(narrowed.space)
    assert set(space.labels) == {"width", "kernel", "rate"}
    low, high = space.by_label["width"].distribution.bounds
    assert 1 < low < 10 < high < 50
    point = study.best.point
    assert space.point(space.vals(point)) == point
    assert narrowed.blueprint(point, (8, 8, 1), {"label": 3}).hash == earlier.blueprint(point, *IMAGES_OF).hash
    assert narrowed.training_of(point) == earlier.training_of(point)
    assert narrowed.defaults == earlier.defaults


IMAGES_OF = (IMAGES.input_shape, IMAGES.classes)


def test_the_evidence_is_printed_and_stands_above_each_change(study, capsys) -> None:
    outcome = run_command(main, capsys, "study", "-o", "space_narrow.py")
    text = Path("space_narrow.py").read_text()
    assert "width: 1..54.6 became" in outcome.out
    assert "activation: dropped" in outcome.out
    before, after = text.split("# width: 1..54.6 became")
    assert 'hp.loguniform("width"' in after
    assert 'hp.loguniform("width"' not in before
    assert "rate: no clear effect" in before
    assert all(len(line) <= 120 for line in text.splitlines())
    assert "--epochs 3 --strategy random --start-from study --results study_narrow" in outcome.err


def test_functions_among_the_options_are_imported(tmp_path, monkeypatch, capsys) -> None:
    monkeypatch.chdir(tmp_path)
    prefers_square = lambda _, job, __: {"val_accuracy": float(job.point["activation"] != "relu")}  # noqa: E731
    monkeypatch.setattr(Accuracies, "metrics", prefers_square)
    search_problem(tmp_path)
    assert run_command(main, capsys, "study").code == 0
    assert "from wide import network, square, training" in Path("space_narrow.py").read_text()
    assert load_problem("space_narrow.py").space["activation"].__name__ == "square"


def test_ready_problems_are_imported_from_metaopt(tmp_path, monkeypatch, capsys) -> None:
    monkeypatch.chdir(tmp_path)

    class Rates(InOneGo):
        def metrics(self, job, epoch):
            accuracy = -abs(job.point["learning_rate"] - 0.001)
            return {"val_accuracy": accuracy, "val_loss": -accuracy}

    problem = load_problem("photo_cnn")
    search(
        tmp_path / "study",
        problem=problem,
        images=ImageKind((32, 32, 3), {"label": 3}),
        trials=40,
        executor=Rates(),
        sampler="random",
    )
    assert run_command(main, capsys, "study").code == 0
    assert "from metaopt.zoo.photo_cnn import network" in Path("space_narrow.py").read_text()
    narrowed = compile_space(load_problem("space_narrow.py").space)
    assert narrowed.labels == compile_space(problem.space).labels
    assert narrowed != compile_space(problem.space)


def test_invalid_input_is_one_sentence(study, capsys) -> None:
    Path("there.py").write_text("")
    cases = {
        ("study", "-o", "there.py"): "there.py exists already.",
        ("study", "-o", "space.txt"): "Invalid value for --output: space.txt.",
        ("study", "--best", "0"): "Invalid value for --best: 0",
        ("study", "-o", "other/space_narrow.py"): "write it to the same folder",
        ("nowhere",): "There is no study in nowhere",
    }
    for arguments, sentence in cases.items():
        outcome = run_command(main, capsys, *arguments)
        assert outcome.code == 2
        assert sentence in outcome.errors[0]
    assert Path("there.py").read_text() == ""


def test_a_changed_problem_is_not_run(study, capsys) -> None:
    Path("wide.py").write_text(PROBLEM.replace("0, 4", "0, 5") + "raise SystemExit")
    outcome = run_command(main, capsys, "study")
    assert outcome.code == 3
    Path("wide.py").write_text(PROBLEM.replace("0, 4", "0, 5"))
    outcome = run_command(main, capsys, "study", "--space", "wide.py")
    assert outcome.code == 3
    assert "is not the one that was searched in study" in outcome.errors[0]


def test_too_few_trials_write_no_file(tmp_path, monkeypatch, capsys) -> None:
    monkeypatch.chdir(tmp_path)
    search_problem(tmp_path, trials=8)
    outcome = run_command(main, capsys, "study")
    assert outcome.code == 2
    assert "at least 20" in outcome.errors[0]
    assert not Path("space_narrow.py").exists()
