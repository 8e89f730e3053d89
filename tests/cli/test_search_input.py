"""Bad input to the search command: exit code, one line on stderr, and nothing lost. Nothing is trained here."""

import json
import pickle
from types import SimpleNamespace

import numpy as np
import pytest

from metaopt.cli.search import _given, main
from metaopt.cli.search_checks import warn_of_memory
from metaopt.cli.search_flags import make_parser
from metaopt.engine.settings import Settings
from metaopt.errors import UserError
from metaopt.storage.state import StudyState

PROBLEM = """
from hyperopt import hp
from metaopt.blueprint import Blueprint, Conv2D, Dense, Flatten, Input
space = {"n": hp.uniformint("n", 1, 9)}
def network(point, input_shape, classes):
    x = inputs = Input(input_shape)
    for _ in range(point["n"]):
        x = Conv2D(4, 9)(x)
    return Blueprint(inputs, Dense(classes["label"], activation="softmax")(Flatten()(x)))
"""


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def run(capsys, *arguments):
    code = main(["--data", "digits", *arguments])
    shown = capsys.readouterr()
    errors = [line for line in shown.err.splitlines() if line.startswith("error: ")]
    assert len(errors) == (code not in (0, 130)), shown.err
    assert "Traceback" not in shown.err
    return code, errors[0] if errors else ""


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--data", "digit"], "digits"),
        (["--data", "no_such_folder/"], "no_such_folder"),
        (["--space", "flower_cn"], "flower_cn"),
        (["--space", "mine.py"], "mine.py"),
        (["--constraint", "params<2e6"], "Invalid value for --constraint: params<2e6."),
        (["--constraint", "val_acc>=0.5"], "Unknown metric in --constraint val_acc>=0.5: val_acc"),
        (["--constraint", "params<=10", "--constraint", "val_loss>=3", "--constraint", "val_loss<=2"], "contradict"),
        (["--image-size", "-3"], "Expected an integer >= 1"),
        (["--schedule", "cosin"], "--schedule: cosin. Did you mean cosine?"),
        (["--grow", "macs"], "Invalid value for --grow: macs."),
        (["--grow", "depth=1,2"], "depth cannot grow; expected one of params, macs, blocks"),
        (["--grow", "macs=2e6,1e6"], "must ascend from phase to phase"),
        (["--grow", "macs=1e6,2e6", "--constraint", "macs<=1.5e6"], "goes beyond the constraint macs<=1.5e+06"),
        (["--grow", "macs=1e6,2e6,3e6", "--trials", "2"], "3 phases, but there are only 2 trials"),
        (["--fill", "1.5", "--constraint", "params<=2e6"], "Invalid value for --fill: 1.5."),
        (["--fill", "much", "--constraint", "params<=2e6"], "--fill: much. Expected a number >= 0."),
        (["--fill", "0.9"], "--fill 0.9 needs a constraint to fill"),
        (["--fill", "0.9", "--constraint", "memory<=1e9"], "--fill 0.9 needs a constraint to fill"),
    ],
)
def test_wrong_values(capsys, arguments, message):
    code, error = run(capsys, *arguments)
    assert code == 2
    assert message in error


def test_a_problem_file_that_does_not_import_names_file_and_line(capsys, tmp_path):
    (tmp_path / "mine.py").write_text("space = {}\n\nimport no_such_module\n")
    code, error = run(capsys, "--space", "mine.py")
    assert code == 2
    assert "mine.py" in error
    assert "line 3" in error


def test_a_space_in_which_nothing_passes_says_what_rejected_how_many(capsys, tmp_path):
    (tmp_path / "deep.py").write_text(PROBLEM)
    code, error = run(capsys, "--space", "deep.py")  # 9×9 kernels on 8×8 images
    assert code == 2
    assert "No network of the space passes" in error
    assert "invalid architecture 50" in error


def test_a_space_without_a_stack_cannot_grow_blocks(capsys, tmp_path):
    (tmp_path / "flat.py").write_text(PROBLEM)
    code, error = run(capsys, "--space", "flat.py", "--grow", "blocks=1,2")
    assert code == 2
    assert "the space has no stack whose number of blocks a choice decides" in error


def test_a_space_without_a_parameter_of_the_architecture_cannot_grow(capsys, tmp_path):
    fixed = PROBLEM.replace('hp.uniformint("n", 1, 9)', '1, "learning_rate": hp.uniform("learning_rate", 0, 1)')
    (tmp_path / "fixed.py").write_text(fixed.replace("Conv2D(4, 9)", "Conv2D(4, 3)"))
    code, error = run(capsys, "--space", "fixed.py", "--grow", "macs=1e4,1e5")
    assert code == 2
    assert "no parameter of the space changes the macs" in error


def test_top3_of_three_classes_is_refused(capsys, tmp_path):
    rng = np.random.default_rng(0)
    images, labels = rng.integers(0, 256, (60, 8, 8, 1), dtype=np.uint8), np.arange(60) % 3
    np.savez("three.npz", x_train=images, y_train=labels)
    code, error = run(capsys, "--data", "three.npz", "--objective", "val_top3")
    assert code == 2
    assert "val_top3 needs four classes or more, but label has 3" in error


def test_a_pickle_without_its_journal_is_refused_untouched(capsys, tmp_path):
    content = pickle.dumps({"not": "trials"})
    (tmp_path / "results.pkl").write_bytes(content)
    code, error = run(capsys)
    assert code == 2
    assert "results.pkl" in error
    assert (tmp_path / "results.pkl").read_bytes() == content


def test_a_damaged_journal_is_refused_untouched_with_the_line(capsys, tmp_path):
    (tmp_path / "results").mkdir()
    path = tmp_path / "results" / "journal.jsonl"
    event = {"seq": 0, "group": 0, "event": "study"}
    import zlib

    lines = []
    for seq in range(3):
        body = json.dumps({**event, "seq": seq, "group": seq}).encode()[:-1]
        lines.append(body + b',"crc":"%08x"}\n' % zlib.crc32(body))
    lines[1] = lines[1].replace(b"study", b"stady")
    path.write_bytes(b"".join(lines))
    code, error = run(capsys)
    assert code == 2
    assert "line 2 is damaged" in error
    assert path.read_bytes() == b"".join(lines)


def test_results_that_cannot_be_written_are_said(capsys, tmp_path):
    (tmp_path / "file").write_text("")
    code, error = run(capsys, "--results", "file/results")
    assert code == 6
    assert "cannot be written" in error


def test_a_schedule_for_models_that_are_compiled_elsewhere_is_refused(capsys, tmp_path):
    (tmp_path / "slow.py").write_text("space = {}\ndef build_model(point, input_shape, classes): ...\n")
    code, error = run(capsys, "--space", "slow.py", "--schedule", "cosine")
    assert code == 2
    assert "--schedule cosine needs a problem with network(): build_model() of slow.py compiles its own models" in error


@pytest.mark.parametrize(
    ("own", "flags", "kind"),
    [
        ({"seed": 3, "schedule": None}, ["--seed", "4"], "seed 3"),
        ({"seed": 0, "schedule": "cosine"}, ["--schedule", "constant"], "schedule cosine"),
        ({"seed": 0, "schedule": None, "augment": "flip+shift"}, ["--augment", "none"], r"augment flip\+shift"),
        ({"seed": 0, "schedule": None}, ["--schedule", "cosine"], "the problem's own schedule"),
    ],
)
def test_a_study_keeps_its_seed_and_its_schedule(tmp_path, own, flags, kind):
    arguments = make_parser("search").parse_args(["--results", str(tmp_path / "results"), *flags])
    state = StudyState()
    state.settings = own
    with pytest.raises(UserError, match=f"was started with {kind}: leave {flags[0]} out"):
        _given(arguments, state)
    arguments = make_parser("search").parse_args([flags[0], str(own[flags[0][2:]] or "constant")])
    state.settings = {**own, "schedule": own["schedule"] or "constant"}
    _given(arguments, state)


@pytest.mark.parametrize(
    ("flags", "sentence"),
    [
        (
            "--strategy hyperband --epochs 2 --min-epochs 3",
            "--min-epochs 3, is above the full resource, --epochs 2: lower the first or raise the second",
        ),
        ("--strategy asha --objective convergence", "use a --strategy that trains every trial to the end"),
        ("--strategy tpe --budget-unit seconds", "--budget-unit seconds needs a strategy with rungs"),
        ("--strategy hyperband --budget-unit seconds --schedule cosine", "leave --budget-unit seconds out"),
        ("--inherit", "--inherit needs trials with a parent, which the sampler tpe does not propose"),
        (
            "--executor inline --workers 2",
            "Invalid value for --workers: 2. The executor inline",
        ),
        ("--folds 1000", "Invalid value for --folds: 1000. Expected at most"),
        ("--folds 0", "--folds"),
        ("--eta 1", "--eta"),
        ("--checkpoint-quota many", "--checkpoint-quota: many. Expected a size such as 500MB or 5GB"),
    ],
)
def test_rungs_folds_and_parents_that_cannot_be(tmp_path, capsys, flags, sentence):
    code = main(["--data", "digits", *flags.split(), "--results", str(tmp_path / "results")])
    captured = capsys.readouterr()
    assert code == 2
    assert sentence in captured.err
    assert captured.err.count("\n") == 1
    assert not (tmp_path / "results" / "journal.jsonl").exists()


def test_the_limit_on_memory_is_the_last_that_was_given():
    state = StudyState()
    state.settings = {"seed": 0, "constraints": ["params<=2e6", "memory<=8e8"], "sampler": "tpe", "scheduler": "full"}

    def constraints(*flags):
        return _given(make_parser("search").parse_args(flags), state).get("constraints")

    assert constraints() is None
    assert constraints("--constraint", "macs<=1e8") == ("macs<=1e8", "memory<=8e8")
    assert constraints("--constraint", "memory<=8e9") == ("memory<=8e9",)


def test_augmentation_by_the_data_is_the_study_s_own_once_it_has_begun():
    state = StudyState()
    state.settings = {"seed": 0, "augment": "none", "sampler": "tpe", "scheduler": "full"}
    assert "augment" not in _given(make_parser("search").parse_args(["--augment", "auto"]), state)


def test_more_workers_than_the_memory_is_for_are_told():
    said = []
    watch = SimpleNamespace(note=said.append)
    warn_of_memory(Settings(workers=4, constraints=("params<=2e6", "memory<=1e3")), watch)
    assert said == []
    warn_of_memory(Settings(workers=4, constraints=("memory<=1e15",)), watch)
    assert "Each of 4 workers has" in said[0]
    assert "less than the study's memory<=1e+15. To reject larger networks, give --constraint 'memory<=" in said[0]


OWN = (
    PROBLEM
    + """
def build_and_train(point, data, *, epochs, checkpoint=None):
    return {"loss": 1.0}
"""
)


@pytest.mark.parametrize(
    "flags",
    ["--strategy hyperband --budget-unit seconds", "--folds 2", "--schedule cosine", "--strategy evolution --inherit"],
)
def test_what_a_training_of_the_user_s_own_is_not_told_is_refused(capsys, tmp_path, flags):
    (tmp_path / "own.py").write_text(OWN)
    code, error = run(capsys, "--space", "own.py", *flags.split())
    assert code == 2
    assert "needs a build_and_train that takes the keyword run and passes it on. That of own.py does not" in error


CHOSEN = (
    PROBLEM
    + """
from hyperopt import hp
space = {"schedule": hp.choice("schedule", ["constant", "constant", "constant", "cosine"])}
"""
)


def test_a_schedule_that_only_some_points_have_is_seen(capsys, tmp_path):
    (tmp_path / "own.py").write_text(CHOSEN)
    code, error = run(capsys, "--space", "own.py", "--strategy", "hyperband", "--budget-unit", "seconds")
    assert code == 2
    assert "the cosine schedule of own.py needs rungs in epochs" in error


ANNEALED = (
    PROBLEM
    + """
from metaopt.problems.training_config import Training
training = lambda point: Training(schedule="cosine-rung")
"""
)


@pytest.mark.parametrize(
    ("flags", "kind"),
    [(["--schedule", "cosine"], "--schedule cosine"), ([], "the cosine-rung schedule of own.py")],
)
def test_cycles_that_end_at_epochs_are_refused_where_rungs_are_seconds(capsys, tmp_path, flags, kind):
    (tmp_path / "own.py").write_text(ANNEALED)
    rungs = ["--space", "own.py", "--strategy", "hyperband", "--budget-unit", "seconds"]
    code, error = run(capsys, *rungs, *flags)
    assert code == 2
    assert f"{kind} needs rungs in epochs" in error


def test_a_schedule_under_which_a_pause_is_no_mere_pause_says_so(capsys, tmp_path):
    (tmp_path / "own.py").write_text(ANNEALED)  # of which no network exists at 8×8, so nothing is trained
    assert main(["--data", "digits", "--space", "own.py", "--strategy", "hyperband"]) == 2
    assert "a trial that is promoted is not trained like one that never paused" in " ".join(
        capsys.readouterr().out.split()
    )
    assert main(["--data", "digits", "--space", "own.py", "--results", "other"]) == 2
    assert "goes on is not trained" not in " ".join(capsys.readouterr().out.split())
