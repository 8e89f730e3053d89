import os
import pickle
import subprocess
import sys
from pathlib import Path

import cloudpickle
import pytest

from metaopt import zoo
from metaopt.errors import UserError
from metaopt.problems.loading import list_ready_problems, load_problem, shown_files

ROOT = Path(__file__).parents[2]

SPACE = 'from hyperopt import hp\n\nspace = {"filters": hp.uniformint("filters", 4, 9)}\n'
NETWORK = (
    "import helper_of_tests\n\n\ndef network(point, input_shape, classes):\n    return helper_of_tests.build(point)\n"
)
HELPER = "def build(point):\n    return ('built', point['filters'])\n"


@pytest.fixture(autouse=True)
def restored_path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", list(sys.path))


def make_folder(at: Path, **files: str) -> Path:
    at.mkdir(exist_ok=True)
    for name, text in ({"space": SPACE, "neural_net": NETWORK, "helper_of_tests": HELPER} | files).items():
        (at / f"{name}.py").write_text(text)
    return at


def test_files_of_a_problem_are_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    make_folder(tmp_path)
    assert shown_files(load_problem("cnn")) == "space.py with neural_net.py"
    assert shown_files(load_problem("photo_cnn")) == "photo_cnn"
    file = tmp_path / "own.py"
    file.write_text(SPACE + "\n\ndef network(point, input_shape, classes):\n    return None\n")
    assert shown_files(load_problem(str(file))) == "own.py"


def test_reference_problem_is_found_beside_the_script(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    problem = load_problem("cnn", ROOT)
    assert problem.name == "cnn"
    assert problem.path == str(ROOT)
    assert set(problem.space) > {"activation", "kernel_initializer"}
    assert problem.network is not None
    assert problem.build_model is not None
    assert problem.defaults == {"kernel_initializer": "glorot_uniform", "use_global_pooling": False}
    point = {"optimizer": "Adam", "lr_rate_mult": 2.0, "batch_size": 35.0, "coarse_labels_weight": 0.5}
    assert problem.training(point).learning_rate == 0.002


def test_order_of_folders_searched_for_the_reference(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script, here, elsewhere = (make_folder(tmp_path / name) for name in ("script", "here", "elsewhere"))
    monkeypatch.chdir(here)
    assert load_problem("cnn", script).path == str(script)
    (script / "neural_net.py").unlink()
    assert load_problem("cnn", script).path == str(here)
    (here / "space.py").unlink()
    assert load_problem("cnn").path == str(ROOT)
    assert load_problem(str(elsewhere)).path == str(elsewhere)


def test_problems_of_two_folders_are_independent(tmp_path: Path) -> None:
    one = load_problem(str(make_folder(tmp_path / "one")))
    other = load_problem(str(make_folder(tmp_path / "other", helper_of_tests=HELPER.replace("built", "other"))))
    again = load_problem(str(tmp_path / "one"))
    assert [problem.network({"filters": 4}, (), {})[0] for problem in (one, other, again)] == [
        "built",
        "other",
        "built",
    ]
    assert "space" not in sys.modules or sys.modules["space"].__file__ == str(ROOT / "space.py")


def test_edited_files_are_loaded_again(tmp_path: Path) -> None:
    where = make_folder(tmp_path / "one")
    load_problem(str(where))
    make_folder(where, helper_of_tests=HELPER.replace("built", "newer"))
    assert load_problem(str(where)).network({"filters": 4}, (), {})[0] == "newer"


def test_pickled_network_does_not_need_the_files(tmp_path: Path) -> None:
    where = make_folder(tmp_path / "one")
    (tmp_path / "pickle").write_bytes(cloudpickle.dumps(load_problem(str(where)).network))
    for file in where.glob("*.py"):
        file.unlink()
    code = "import pickle, sys; print(pickle.load(open(sys.argv[1], 'rb'))({'filters': 5}, (), {}))"
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "pickle")], capture_output=True, text=True, cwd=tmp_path, check=True
    )
    assert done.stdout.strip() == "('built', 5)"


@pytest.mark.slow
def test_worker_can_load_the_problem_by_its_path(tmp_path: Path) -> None:
    file = tmp_path / "mine.py"
    file.write_text(SPACE + "def network(point, input_shape, classes):\n    return 7\n")
    problem = load_problem("mine.py", tmp_path)
    assert load_problem(str(problem.path)).source == problem.source
    code = (
        "import sys; from metaopt.problems.loading import load_problem;"
        " print(load_problem(sys.argv[1]).network(0, 0, 0))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(problem.path)],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        check=True,
    )
    assert done.stdout.strip() == "7"


def test_source_contains_all_files_of_the_problem(tmp_path: Path) -> None:
    where = make_folder(tmp_path / "one", unrelated="x = 1\n")
    source = load_problem(str(where)).source
    assert SPACE in source
    assert NETWORK in source
    assert HELPER in source
    assert "x = 1" not in source


def test_code_depends_on_network_and_helpers_only(tmp_path: Path) -> None:
    code = load_problem(str(make_folder(tmp_path / "one"))).code
    assert "('built', point['filters'])" in code
    for same in ({"space": SPACE.replace("9", "8")}, {"neural_net": "# a comment\n" + NETWORK}):
        assert load_problem(str(make_folder(tmp_path / "one", **same))).code == code
    constants = load_problem(str(make_folder(tmp_path / "one", space="WIDTH = 3\n" + SPACE))).code
    assert load_problem(str(make_folder(tmp_path / "one", space="WIDTH = 4\n" + SPACE))).code != constants
    for other in ({"helper_of_tests": HELPER.replace("built", "other")}, {"neural_net": NETWORK + "X = 1\n"}):
        assert load_problem(str(make_folder(tmp_path / "one", **other))).code != code


def test_helpers_may_be_packages_imported_in_functions(tmp_path: Path) -> None:
    package = tmp_path / "parts_of_tests"
    (package / "deep").mkdir(parents=True)
    (package / "__init__.py").write_text("")
    (package / "deep" / "__init__.py").write_text("VALUE = 3\n")
    file = tmp_path / "late.py"
    file.write_text(SPACE + "def network(point, s, c):\n    from parts_of_tests.deep import VALUE\n    return VALUE\n")
    problem = load_problem(str(file))
    assert problem.network({}, (), {}) == 3
    assert "VALUE = 3" in problem.source


def test_ready_problems_are_listed() -> None:
    ready = ["autoencoder", "conv_stack", "conv_stack_1d", "flower_cnn", "flower_cnn_published", "photo_cnn"]
    ready += ["signal_cnn", "transfer", "wide_resnet"]
    assert list_ready_problems() == ["cnn", *ready]
    assert zoo.__all__ == ready


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("cnm", "Unknown problem: cnm. Did you mean cnn?"),
        ("something", "Unknown problem: something. Expected cnn, autoencoder, conv_stack"),
        ("missing.py", "The problem file missing.py does not exist"),
        ("loading", "Unknown problem: loading"),
    ],
)
def test_unknown_names_are_rejected(name: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match=message.replace("?", r"\?").replace(".", r"\.")):
        load_problem(name)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("def network(p, s, c): ...\n", "bad.py lacks `space`"),
        ("space = {}\n", "bad.py lacks `network`"),
        ("space = {}\nnetwork = 3\n", "bad.py lacks `network`"),
        (
            "space = {}\ndefaults = 3\ndef network(p, s, c): ...\n",
            "Invalid value for `defaults`: 3. Expected a dict",
        ),
        ("space = {\n\n", "bad.py, line 1: SyntaxError"),
        ("space = {}\n\nimport no_such_module\n", "bad.py, line 3: ModuleNotFoundError"),
        ("x = 1\nraise SystemExit('no')\n", "bad.py, line 2: SystemExit: no"),
        ("x = 1\nraise BaseException('no')\n", "bad.py, line 2: BaseException: no"),
        ("import broken_helper\n", "broken_helper.py, line 2: ZeroDivisionError"),
        ("import json\njson.loads('{')\n", "bad.py, line 2: JSONDecodeError"),
        ("x = '\x00'\n", "bad.py"),
    ],
)
def test_invalid_file_is_reported_with_its_line(text: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "broken_helper.py").write_text("\n1 / 0\n")
    file = tmp_path / "bad.py"
    file.write_text(text)
    with pytest.raises(UserError) as caught:
        load_problem(str(file))
    assert message in str(caught.value)


def test_error_names_the_incomplete_file_of_a_folder(tmp_path: Path) -> None:
    where = make_folder(tmp_path / "one", space="x = 1\n")
    with pytest.raises(UserError, match=r"space\.py lacks `space`"):
        load_problem(str(where))
    make_folder(where, neural_net="x = 1\n")
    with pytest.raises(UserError, match=r"neural_net\.py lacks `network`"):
        load_problem(str(where))


def test_problem_survives_pickling(tmp_path: Path) -> None:
    problem = load_problem(str(make_folder(tmp_path / "one")))
    copy = pickle.loads(cloudpickle.dumps(problem))
    assert copy.network({"filters": 6}, (), {}) == ("built", 6)
    assert copy.source == problem.source


def test_helper_that_cannot_be_pickled_is_imported(tmp_path: Path) -> None:
    where = make_folder(tmp_path / "one", helper_of_tests=HELPER + "import threading\nLOCK = threading.Lock()\n")
    copy = pickle.loads(cloudpickle.dumps(load_problem(str(where))))
    assert copy.network({"filters": 6}, (), {}) == ("built", 6)
