"""``start_from`` and ``default`` of a search, with every kind of strategy."""

import json
import shutil
import signal

import numpy as np
import pytest
from hyperopt import hp

import metaopt
from metaopt.cli.search import main
from metaopt.cli.search_flags import make_parser
from metaopt.cli.search_preparation import prepare
from metaopt.engine.callbacks import Callback
from metaopt.engine.outside_knowledge import take_in
from metaopt.errors import UserError
from metaopt.storage.study import Study

SPACE = {"x": hp.uniform("x", -3, 3), "sign": hp.choice("sign", [-1, 1])}
PROBLEM = """
from hyperopt import hp
from metaopt.blueprint import Blueprint, Dense, Flatten, Input
space = {"x": hp.uniform("x", -3, 3), "sign": hp.choice("sign", [-1, 1])}
default = {"x": 0.5, "sign": 1}
def network(point, input_shape, classes):
    inputs = Input(input_shape)
    return Blueprint(inputs, Dense(classes["label"], activation="softmax")(Flatten()(inputs)))
"""
STRATEGIES = ["auto", "tpe", "asha", "evolution"]


def parabola(point):
    return (point["x"] - 1) ** 2 * (2 + point["sign"])


def with_epochs(point, *, epochs, checkpoint):
    return parabola(point) + 1 / epochs


def opposite(point):
    return -abs(point["x"] - 1)


@pytest.fixture(scope="module")
def earlier(tmp_path_factory):
    return metaopt.search(
        parabola, SPACE, trials=20, results=tmp_path_factory.mktemp("earlier") / "first", progress=False
    )


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_a_default_and_the_best_of_an_earlier_study_come_first(tmp_path, earlier, strategy) -> None:
    study = metaopt.search(
        with_epochs,
        SPACE,
        epochs=4,
        trials=8,
        strategy=strategy,
        default={"x": 2.5, "sign": 1},
        start_from=earlier.folder,
        results=tmp_path / "results",
        progress=False,
    )
    best = sorted(earlier.records, key=lambda record: record["loss"])[:3]
    expected = [{"x": 2.5, "sign": 1}, *(record["space"] for record in best)]
    assert [trial.point for trial in study.state.trials[:4]] == expected
    assert study.state.trials[4].point not in expected


@pytest.mark.slow
def test_a_study_resumes_without_the_earlier_one(tmp_path, earlier) -> None:
    moved = tmp_path / "moved"
    shutil.copytree(earlier.folder, moved)
    options = {"seed": 3, "progress": False}
    whole = metaopt.search(parabola, SPACE, trials=14, start_from=moved, results=tmp_path / "whole", **options)

    def interrupted(point):
        calls.append(point)
        if len(calls) == 7:
            signal.raise_signal(signal.SIGINT)  # Ctrl-C
        return parabola(point)

    calls: list[dict] = []
    with pytest.raises(KeyboardInterrupt):
        metaopt.search(
            interrupted, SPACE, trials=14, start_from=moved, results=tmp_path / "parts", same_function=True, **options
        )
    shutil.rmtree(moved)
    parts = metaopt.search(parabola, SPACE, results=tmp_path / "parts", same_function=True, **options)
    assert [record["space"] for record in parts.records] == [record["space"] for record in whole.records]


@pytest.mark.slow
def test_the_same_study_is_learnt_from_once(tmp_path, earlier) -> None:
    for trials in (5, 10):
        study = metaopt.search(
            parabola,
            SPACE,
            trials=trials,
            start_from=[earlier.folder],
            default={"x": 2.5, "sign": 1},
            results=tmp_path / "results",
            progress=False,
        )
    assert [each.source for each in study.state.knowledge] == ["default", "first"]
    assert len(Study.load(tmp_path / "results").state.knowledge) == 2


@pytest.mark.slow
def test_an_earlier_study_halves_the_first_trials_of_auto(tmp_path, earlier) -> None:
    def count(name, **given):
        study = metaopt.search(parabola, SPACE, trials=20, results=tmp_path / name, progress=False, **given)
        reasons = [trial.decisions[0].reason for trial in study.state.trials]
        return [sum(key in reason for reason in reasons) for key in ("outside_knowledge", "first_trials")]

    n_known, n_first = count("informed", start_from=earlier.folder)
    assert n_known == 3
    assert count("plain") == [0, 5]
    assert n_known + n_first == 3  # half of five, but the best three of the study at least


@pytest.mark.slow
def test_a_wrong_study_is_unlearnt(tmp_path) -> None:
    wrong = metaopt.search(opposite, SPACE, trials=20, results=tmp_path / "wrong", progress=False)
    found = []
    for seed in range(2):
        study = metaopt.search(
            parabola, SPACE, trials=24, seed=seed, start_from=wrong.folder, results=tmp_path / f"{seed}", progress=False
        )
        found.append(study.best["loss"])
    assert np.mean(found) < 0.05


def test_a_default_outside_the_space_begins_no_study(tmp_path) -> None:
    with pytest.raises(UserError, match=r"A default point cannot be used\. The point is not in this space: "):
        metaopt.search(parabola, SPACE, default={"x": 9, "sign": 1}, results=tmp_path / "results", progress=False)
    assert not (tmp_path / "results").exists()


def test_a_missing_study_is_one_sentence_of_the_command(tmp_path, capsys) -> None:
    code = main(["--results", str(tmp_path / "new"), "--data", "digits", "--start-from", str(tmp_path / "nowhere")])
    assert code == 2
    told = capsys.readouterr().err
    assert "nowhere" in told
    assert "Traceback" not in told
    assert not (tmp_path / "new").exists()


def test_a_space_without_a_published_point_is_one_sentence(tmp_path, capsys) -> None:
    code = main(["--results", str(tmp_path / "new"), "--data", "digits", "--space", "photo_cnn", "--published-point"])
    assert code == 2
    assert "The space photo_cnn has no published point." in capsys.readouterr().err
    assert not (tmp_path / "new").exists()


def write_point(path, x: float) -> str:
    path.write_text(json.dumps({"x": x, "sign": 1}))
    return str(path)


def test_start_points_come_before_the_default(tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.py").write_text(PROBLEM)
    points = [word for x in (1.5, -2.5, 1.5) for word in ("--start-point", write_point(tmp_path / f"{x}.json", x))]
    arguments = make_parser("metaopt search", searches=True).parse_args(
        ["--data", "digits", "--space", "mine.py", "--results", str(tmp_path / "results"), *points]
    )
    ready = prepare(arguments, None, Callback())
    with ready.open(arguments.results, Callback()) as study:
        study.begin(ready.settings.as_event())
        take_in(study, ready.knowledge, Callback())
        starts = [start["x"] for each in study.state.knowledge for start in each.starts()]
        assert starts == [1.5, -2.5, 0.5]
        take_in(study, ready.knowledge, Callback())  # a further run tells nothing twice
        assert len(study.state.knowledge) == 3


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("[1]", "is not a JSON object"),
        ("{", "cannot be read as a point in JSON"),
        ('{"x": 9, "sign": 1}', "point.json: The point is not in this space: x is 9"),
    ],
)
def test_a_start_point_that_is_none_begins_no_study(tmp_path, monkeypatch, capsys, content, message) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.py").write_text(PROBLEM)
    (tmp_path / "point.json").write_text(content)
    assert main(["--data", "digits", "--space", "mine.py", "--start-point", "point.json"]) == 2
    assert message in capsys.readouterr().err
    assert not (tmp_path / "results").exists()
