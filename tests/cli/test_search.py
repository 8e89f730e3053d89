"""``hyperopt_optimize.py`` and ``metaopt search``: settings, invalid input, and whole searches on the digits."""

import json
import os
import pickle
import shutil
import statistics
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from metaopt.__main__ import main as metaopt
from metaopt.cli.search import main
from metaopt.cli.search_flags import EARLY_STOPPING, make_parser
from metaopt.cli.search_preparation import Ready, prepare
from metaopt.cli.study_inputs import study_data, study_problem
from metaopt.engine.callbacks import Callback
from metaopt.engine.settings import Settings
from metaopt.engine.strategy import DEFAULT_STRATEGY
from metaopt.errors import UserError
from metaopt.problems.loading import load_earlier_references
from metaopt.report.analysis import StudyData
from metaopt.storage.results_pickle import read_documents
from metaopt.storage.study import Study
from tests.cli.running import Outcome, run_command
from tests.executors.ray_cluster import needs_ray
from tests.storage.events import proposed

# No network of it is valid for images of 8×8 pixels, so nothing is trained.
INVALID = """
from hyperopt import hp
from metaopt.blueprint import Blueprint, Conv2D, Dense, Flatten, Input
space = {"n": hp.uniformint("n", 1, 9)}
def network(point, input_shape, classes):
    x = inputs = Input(input_shape)
    for _ in range(point["n"]):
        x = Conv2D(4, 9)(x)
    return Blueprint(inputs, Dense(classes["label"], activation="softmax")(Flatten()(x)))
"""
KERAS_MODELS = """
from hyperopt import hp

space = {"layers": hp.uniformint("layers", 1, 6), "filters": hp.uniformint("filters", 2, 24)}

def build_model(point, input_shape, classes):
    import keras
    model = keras.Sequential([keras.Input(input_shape)])
    for _ in range(point["layers"]):
        model.add(keras.layers.Conv2D(point["filters"], 3, activation="relu"))
    model.add(keras.layers.Flatten())
    model.add(keras.layers.Dense(classes["label"], activation="softmax"))
    model.compile("adam", "sparse_categorical_crossentropy")
    return model
"""
OWN_TRAINING = (
    INVALID
    + """
def build_and_train(point, data, *, epochs, checkpoint=None):
    return {"loss": 1.0}
"""
)


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch) -> Path:
    """The current folder, with problem files."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "invalid.py").write_text(INVALID)
    (tmp_path / "models.py").write_text(KERAS_MODELS)
    (tmp_path / "own.py").write_text(OWN_TRAINING)
    return tmp_path


def search(capsys, text: str = "", *flags: str) -> Outcome:
    return run_command(main, capsys, "--data", "digits", *text.split(), *flags)


def settings_of(text: str = "") -> Settings:
    """Settings of a search with these flags."""
    return ready_of(text).settings


def ready_of(text: str) -> Ready:
    """Problem, data and settings of a search with these flags."""
    return prepare(make_parser("search").parse_args(text.split()), None, Callback())


def start_study(ready: Ready) -> None:
    """Create a study with one trial, which is not trained."""
    with ready.open(Path("results"), Callback()) as study:
        study.begin(ready.settings.as_event())
        vals = study.space.draw(np.random.default_rng(0))
        study.append(proposed(0, 1, vals, point=study.space.point(vals)))


# --- settings ---


def test_a_new_study_gets_defaults_of_its_data_and_machine() -> None:
    settings = settings_of("--data digits --constraint params<=2e6")
    assert (settings.epochs, settings.augment, settings.sampler) == (30, "none", DEFAULT_STRATEGY)
    assert settings_of("--data digits --strategy tpe").early_stopping == EARLY_STOPPING
    assert settings.constraints[0] == "params<=2e6"
    assert settings.constraints[1].startswith("memory<=")
    settings = settings_of("--data digits --epochs 9 --early-stopping 3 --constraint memory<=1e9")
    assert (settings.epochs, settings.early_stopping, settings.constraints) == (9, 3, ("memory<=1e9",))


def test_zero_and_none_turn_settings_off() -> None:
    settings = settings_of("--data digits --early-stopping 0 --stop-after 0 --fill 0 --grow none")
    assert (settings.early_stopping, settings.stop_after, settings.fill, settings.grow) == (None, None, None, None)


def test_a_race_and_early_stopping_exclude_each_other(tmp_path: Path) -> None:
    """Whether the epochs are given or those of the data set."""
    labels = np.arange(100) % 2
    np.savez("few.npz", x_train=np.random.default_rng(0).integers(0, 255, (100, 8, 8, 1), np.uint8), y_train=labels)
    for more in ("", " --epochs 30"):
        settings = settings_of(f"--data few.npz --strategy tpe{more}")
        assert (settings.epochs, settings.folds, settings.early_stopping, settings.race) == (
            30,
            5,
            EARLY_STOPPING,
            False,
        )
        assert settings_of(f"--data few.npz --strategy tpe --early-stopping 0{more}").race
        assert settings_of(f"--data few.npz{more}").race
        with pytest.raises(UserError, match="but early stopping ends each at its own"):
            settings_of(f"--data few.npz --race --early-stopping 5{more}")
    start_study(ready_of("--data few.npz"))
    for flags in ("--early-stopping 5", "--early-stopping 5 --race"):
        with pytest.raises(UserError, match="but early stopping ends each at its own"):
            settings_of(flags)
    assert settings_of("").race


@pytest.mark.parametrize("flags", ["--strategy asha", ""])
def test_rungs_replace_early_stopping(flags: str) -> None:
    assert settings_of(f"--data digits {flags}").early_stopping is None


def test_only_a_new_study_needs_names_that_every_backend_accepts(tmp_path: Path, monkeypatch) -> None:
    """Earlier versions began studies of such data on JAX and PyTorch; these resume."""
    kinds = np.arange(40) % 2
    named = {"y_train_my kind": kinds, "x_train": np.zeros((40, 8, 8), np.uint8), "y_train": kinds}
    np.savez(tmp_path / "named.npz", **named)
    with pytest.raises(UserError, match=r"Invalid name of a target in .*: my kind\. Expected the letters A to Z"):
        ready_of("--data named.npz --folds 1")
    with monkeypatch.context() as patch:
        patch.setattr("metaopt.cli.search_preparation.check_new_heads", lambda heads, data: None)
        start_study(ready_of("--data named.npz --folds 1"))
    assert list(ready_of("").data.outputs) == ["label", "my kind"]
    assert list(study_data(Study.load("results")).outputs) == ["label", "my kind"]


def test_flags_left_out_mean_the_studys_own_values(studies: Path) -> None:
    settings = settings_of("--results tpe")
    stored = Study.load("tpe").settings
    assert (settings.seed, settings.epochs, settings.early_stopping) == (1, 4, 2)
    assert list(settings.constraints) == stored["constraints"]
    assert settings_of("--results tpe --augment auto").augment == "none"
    assert settings_of("--results asha_paused --sampler tpe").scheduler == "asha"


def test_given_constraints_keep_that_on_memory(studies: Path) -> None:
    assert settings_of("--results tpe --constraint macs<=1e8").constraints == ("macs<=1e8", "memory<=1e9")
    assert settings_of("--results tpe --constraint memory<=8e9").constraints == ("memory<=8e9",)


def test_a_backbone_that_auto_did_not_take_is_no_other_study() -> None:
    with zipfile.ZipFile("base.keras", "w") as file:
        for name in ("config.json", "model.weights.h5"):
            file.writestr(name, "")
    command = "--data digits --space auto --backbone base.keras"
    ready = ready_of(command)
    assert (ready.settings.space, ready.settings.backbones) == ("photo_cnn", ())
    start_study(ready)
    assert settings_of(command) == settings_of()


TIMED = "--strategy asha --budget-unit seconds --schedule cosine"


@pytest.mark.parametrize(
    ("own", "flags", "kind"),
    [
        ("--seed 3", "--seed 4", "with --seed 3"),
        ("--split-seed 3", "--split-seed 4", "with --split-seed 3"),
        ("", "--split-seed 4", "without --split-seed"),
        ("--schedule cosine", "--schedule constant", "with --schedule cosine"),
        ("", "--schedule cosine", "without --schedule"),
        (f"{TIMED} --first-cycle 9s", "--first-cycle 8s", "with --first-cycle 9s"),
        (TIMED, "--cycle-factor 3", "with --cycle-factor 2"),
        ("--augment flip+shift", "--augment none", r"with --augment flip\+shift"),
    ],
)
def test_seeds_schedule_and_augmentation_cannot_change(own: str, flags: str, kind: str) -> None:
    start_study(ready_of(f"--data digits {own}"))
    with pytest.raises(UserError, match=f"was started {kind}: leave {flags.split()[0]} out"):
        settings_of(flags)
    if own:
        assert settings_of(own) == settings_of()


# --- invalid input: one sentence, exit code 2, and nothing is written ---


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("--data digit", "digits"),
        ("--data no_such_folder/", "no_such_folder"),
        ("--space flower_cn", "flower_cn"),
        ("--space mine.py", "mine.py"),
        ("--constraint params<2e6", "Invalid value for --constraint: params<2e6."),
        ("--constraint val_acc>=0.5", "Unknown metric in --constraint val_acc>=0.5: val_acc"),
        ("--constraint params<=10 --constraint val_loss>=3 --constraint val_loss<=2", "contradict"),
        ("--grow macs", "Invalid value for --grow: macs."),
        ("--grow depth=1,2", "depth cannot grow; expected one of params, macs, blocks"),
        ("--grow macs=2e6,1e6", "must ascend from phase to phase"),
        ("--grow macs=1e6,2e6 --constraint macs<=1.5e6", "goes beyond the constraint macs<=1.5e+06"),
        ("--grow macs=1e6,2e6,3e6 --trials 2", "3 phases, but the number of trials is 2"),
        ("--grow blocks=1,2 --space invalid.py", "the space has no stack whose number of blocks a choice decides"),
        ("--fill 1.5 --constraint params<=2e6", "Invalid value for --fill: 1.5."),
        ("--fill 0.9", "--fill 0.9 needs a constraint to fill"),
        ("--fill 0.9 --constraint memory<=1e9", "--fill 0.9 needs a constraint to fill"),
        ("--folds 1000", "Invalid value for --folds: 1000. Expected at most"),
        ("--strategy hyperband --epochs 2 --min-epochs 3", "--min-epochs 3, is above the full resource, --epochs 2"),
        ("--strategy tpe --budget-unit seconds", "--budget-unit seconds needs a strategy with rungs"),
        ("--strategy hyperband --budget-unit seconds --schedule cosine-rung", "leave --budget-unit seconds out"),
        ("--schedule cosine --first-cycle 400s", "--first-cycle is read with --budget-unit seconds only"),
        ("--schedule cosine --cycle-factor 3", "--cycle-factor is read with --budget-unit seconds only"),
        ("--cycle-factor 0", "Invalid value for --cycle-factor: 0. Expected an integer >= 1"),
        ("--inherit", "--inherit needs trials with a parent, which the sampler auto does not propose"),
        ("--workers many", "Invalid value for --workers: many. Expected an integer >= 1, or auto."),
        (
            "--executor inline --trials-per-gpu 2",
            "--trials-per-gpu needs --executor processes; inline trains one trial",
        ),
        ("--executor inline --workers 2", "Invalid value for --workers: 2. The executor inline"),
        ("--ray-address auto", "--ray-address needs the executor ray; it is processes."),
        ("--worker-memory 1GB", "--worker-memory needs the executor ray; it is processes."),
        pytest.param(
            *("--executor ray --ray-address 127.0.0.1:1", "No Ray cluster answers at 127.0.0.1:1 (--ray-address)."),
            marks=needs_ray,
        ),
        ("--space models.py --schedule cosine", "--schedule cosine needs a problem with network(): build_model()"),
        ("--space own.py --folds 2", "--folds 2 needs a build_and_train that takes the keyword run"),
    ],
)
def test_invalid_values_are_one_sentence(capsys, text: str, message: str) -> None:
    outcome = search(capsys, text)
    assert (outcome.code, len(outcome.errors), outcome.err.count("\n")) == (2, 1, 1)
    assert message in outcome.errors[0]
    assert not Path("results/journal.jsonl").exists()


def test_trials_per_gpu_without_a_gpu_is_one_sentence(capsys, monkeypatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    outcome = search(capsys, "--trials-per-gpu 2")
    assert (outcome.code, outcome.errors) == (
        2,
        ["--trials-per-gpu needs a GPU, and none was found: leave it out."],
    )


def test_workers_follow_from_the_gpus(capsys, tmp_path, monkeypatch) -> None:
    """``--workers auto`` and ``--trials-per-gpu`` on a machine with two GPUs, which nvidia-smi of this test lists."""
    folder = tmp_path / "bin"
    folder.mkdir()
    (folder / "nvidia-smi").write_text("#!/bin/sh\necho GPU-a, 10000, 12000; echo GPU-b, 12000, 12000\n")
    (folder / "nvidia-smi").chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)

    def found(text: str) -> tuple[int, float]:
        arguments = make_parser("search").parse_args(["--data", "digits", *text.split()])
        settings = prepare(arguments, None, Callback()).settings
        return settings.workers, float(settings.constraints[0].removeprefix("memory<="))

    free = 0.8 * 10000 * 2**20
    assert found("--space own.py --workers auto") == (2, pytest.approx(free, rel=1e-3))
    assert found("--space own.py --trials-per-gpu 3") == (6, pytest.approx(free / 3, rel=1e-3))
    assert found("--space own.py --trials-per-gpu 3 --workers 1") == (1, pytest.approx(free / 3, rel=1e-3))
    with pytest.raises(UserError, match=r"value for trials_per_gpu: 20\. Expected at most 9"):
        found("--trials-per-gpu 20")


@pytest.mark.slow
def test_errors_of_a_problem_file_name_file_and_line(capsys) -> None:
    Path("mine.py").write_text("space = {}\n\nimport no_such_module\n")
    outcome = search(capsys, "--space mine.py")
    assert outcome.code == 2
    assert "mine.py" in outcome.errors[0]
    assert "line 3" in outcome.errors[0]


@pytest.mark.slow
def test_a_space_without_valid_networks_counts_rejections(capsys) -> None:
    outcome = search(capsys, "--space invalid.py")
    assert outcome.code == 2
    assert "No network of the space passes" in outcome.errors[0]
    assert "invalid architecture 5,0" in outcome.errors[0]


def test_a_mistake_in_a_network_shows_its_lines_alone(capsys) -> None:
    Path("wrong.py").write_text(INVALID.replace('point["n"]', 'point["number"]'))
    outcome = search(capsys, "--space wrong.py")
    assert outcome.code == 2
    assert outcome.err.splitlines()[-4:] == [
        "error: wrong.py, line 7: KeyError: no key 'number'; the keys are 'n'",
        "  wrong.py, line 7, in network",
        '    for _ in range(point["number"]):',
        "--debug shows the whole traceback.",
    ]
    assert not Path("results/journal.jsonl").exists()
    assert main(["--data", "digits", "--space", "wrong.py", "--debug"]) == 2
    assert "Traceback (most recent call last):" in capsys.readouterr().err


def test_one_invalid_value_is_told_with_its_line(capsys) -> None:
    Path("wrong.py").write_text(INVALID.replace("Conv2D(4, 9)", "Conv2D(4.5, 3)"))
    outcome = search(capsys, "--space wrong.py")
    assert "All have one cause: Conv2D: Invalid value for filters: 4.5." in outcome.errors[0]
    assert outcome.errors[0].endswith("(wrong.py, line 8). No study was begun.")


@pytest.mark.slow
def test_mistakes_of_build_model_end_the_search(capsys) -> None:
    for filters, message in (
        ('point["filter"]', "wrong.py, line 10: KeyError: no key 'filter'; did you mean 'filters'?"),
        ('0.5 + point["filters"]', "No network was trained. All 20 that were proposed were rejected"),
    ):
        Path("wrong.py").write_text(KERAS_MODELS.replace('point["filters"]', filters))
        outcome = search(capsys, "--space wrong.py --epochs 1 --trials 2 --executor inline")
        assert outcome.code == 2
        assert message in outcome.errors[0]
    assert "(wrong.py, line 10)" in outcome.errors[0]
    Path("wrong.py").write_text(KERAS_MODELS.replace('uniformint("layers", 1, 6)', 'uniformint("layers", 1, 2)'))
    outcome = search(capsys, "--space wrong.py --epochs 1 --trials 1 --executor inline")
    assert outcome.code == 0
    assert "is replaced" in outcome.out


@pytest.mark.slow
def test_hyperparameters_without_effect_are_noted(capsys) -> None:
    text = INVALID.replace("Conv2D(4, 9)", "Conv2D(4, 2)").replace(
        '"n": hp', '"lr": hp.loguniform("lr", 0.01, 0.1), "n": hp'
    )
    Path("small.py").write_text(text.replace('("n", 1, 9)', '("n", 1, 3)'))
    outcome = search(capsys, "--space small.py --time 1s --executor inline --epochs 1 --trials 1")
    assert "note: Nothing reads 'lr' of the space: network and training ignore the key" in outcome.out
    assert "note: loguniform 'lr' draws values from 1.01 to 1.105" in outcome.out
    assert StudyData.of(Study.load(Path("results"))).unread == {"lr"}


@pytest.mark.slow
def test_a_space_that_does_not_fit_leaves_no_study(capsys) -> None:
    outcome = search(capsys, "--constraint params<=2e4")
    assert outcome.code == 2
    assert "params<=20000 cannot be met: the smallest params reached is " in outcome.errors[0]
    assert "The ready space photo_cnn fits" in outcome.errors[0]
    assert not Path("results/journal.jsonl").exists()
    assert settings_of("--data digits --constraint params<=2e5 --seed 3").constraints[0] == "params<=2e5"


@pytest.mark.slow
def test_studies_of_the_earlier_reference_resume_with_it() -> None:
    earlier = next(load_earlier_references())
    start_study(replace(ready_of("--data digits"), problem=earlier))
    assert ready_of("--data digits").problem.path == earlier.path
    assert study_problem(Study.load(Path("results"))).code == earlier.code
    assert "use_global_pooling" in ready_of("--data digits --results new").problem.code


def test_growth_needs_a_parameter_that_changes_the_count(capsys) -> None:
    fixed = INVALID.replace('hp.uniformint("n", 1, 9)', '1, "learning_rate": hp.uniform("learning_rate", 0, 1)')
    Path("fixed.py").write_text(fixed.replace("Conv2D(4, 9)", "Conv2D(4, 3)"))
    outcome = search(capsys, "--space fixed.py --grow macs=1e4,1e5")
    assert outcome.code == 2
    assert "no parameter of the space changes the macs" in outcome.errors[0]


def test_top3_of_three_classes_is_an_error(capsys) -> None:
    images = np.random.default_rng(0).integers(0, 256, (60, 8, 8, 1), dtype=np.uint8)
    np.savez("three.npz", x_train=images, y_train=np.arange(60) % 3)
    outcome = search(capsys, "--data three.npz --objective val_top3")
    assert outcome.code == 2
    assert "val_top3 needs four classes or more, but label has 3" in outcome.errors[0]


@pytest.mark.slow
def test_notes_are_shown(capsys) -> None:
    Path("invalid.py").write_text(
        INVALID + "from metaopt import Training\ntraining = lambda point: Training(schedule='cosine-rung')\n"
    )
    shown = search(capsys, "--space invalid.py --strategy hyperband").out
    assert "a trial that is promoted is not trained like one that never paused" in " ".join(shown.split())


def test_a_pickle_without_its_journal_stays_untouched(capsys) -> None:
    content = pickle.dumps({"not": "trials"})
    Path("results.pkl").write_bytes(content)
    outcome = search(capsys)
    assert outcome.code == 2
    assert "results.pkl" in outcome.errors[0]
    assert Path("results.pkl").read_bytes() == content


def test_a_damaged_journal_stays_untouched(studies: Path, capsys) -> None:
    journal = Path("tpe/journal.jsonl")
    damaged = journal.read_bytes().replace(b'"scheduler":"full"', b'"scheduler":"fall"', 1)
    journal.write_bytes(damaged)
    outcome = search(capsys, "--results tpe")
    assert outcome.code == 2
    assert "line 2 is damaged" in outcome.errors[0]
    assert journal.read_bytes() == damaged


def test_a_study_of_another_objective_is_a_mismatch(studies: Path, capsys) -> None:
    outcome = search(capsys, "--results tpe --objective val_loss")
    assert outcome.code == 3
    assert outcome.errors[0].startswith("tpe")


def test_an_unwritable_folder_exits_with_6(capsys) -> None:
    Path("file").write_text("")
    outcome = search(capsys, "--results file/results")
    assert outcome.code == 6
    assert "cannot be written" in outcome.errors[0]


# --- whole searches ---


@pytest.mark.slow
def test_the_reference_space_from_search_to_report(capsys) -> None:
    outcome = search(capsys, "--trials 2 --epochs 2")
    assert outcome.code == 0
    assert "best validation accuracy" in outcome.out
    study = Study.load("results")
    assert [record.epochs for record in study.records] == [2, 2]
    best = study.require_best()
    names = {"loss", "val_accuracy", "val_top3", "val_precision", "val_loss", "val_total_loss"}
    assert set(best["history"]) >= names
    assert all(best[key] for key in ("params", "macs", "device", "threads", "versions"))
    assert [each.loss for each in read_documents(Path("results.pkl"))] == [record.loss for record in study.records]
    assert max(path.name for path in Path("results").iterdir()).startswith("model_")
    assert [path.name for path in Path("results/checkpoints").iterdir()] == [f"{best.trial:06d}"]

    assert search(capsys, "--epochs 2 --trials 3 --executor inline").code == 0
    assert len(Study.load("results").records) == 3
    found = run_command(lambda argv: metaopt(["best", *argv]), capsys)
    assert json.loads(found.out)["space"] == Study.load("results").require_best().point
    drawn = run_command(lambda argv: metaopt(["report", *argv]), capsys)
    assert all(Path(line).stat().st_size > 10_000 for line in drawn.out.splitlines())


@pytest.mark.slow
def test_a_cosine_schedule_over_seconds_from_search_to_records(capsys) -> None:
    """The budgets, 1 and 3 seconds, are those of Hyperband; the cycles of 1 and 2 seconds end where they do."""
    small = INVALID.replace("Conv2D(4, 9)", 'Conv2D(4, 3, padding="same")')
    cosine = "from metaopt import Training\ntraining = lambda point: Training('SGD', 0.1, schedule='cosine')\n"
    Path("small.py").write_text(small + cosine)
    flags = "--space small.py --strategy asha --budget-unit seconds --epochs 3 --min-epochs 1 --trials 3"
    outcome = search(capsys, f"{flags} --executor inline")
    assert outcome.code == 0
    study = Study.load("results")
    assert study.settings["first_cycle_s"] is None
    assert {visit["to"] for record in study.records for visit in record["visits"]} == {1, 3}
    for record in study.records:
        for visit in record["visits"]:
            seconds = record["history"]["seconds"][: visit["epochs"]]
            assert sum(seconds[:-1]) < visit["to"] <= sum(seconds) + 1e-3
    assert search(capsys, "--cycle-factor 3 --trials 4").errors[0].startswith("The study in results was started with")


@pytest.mark.slow
def test_keras_models_are_counted_and_rejected_in_the_worker(capsys) -> None:
    flags = "--space models.py --trials 3 --epochs 1 --constraint params<=6000 --strategy random"
    assert search(capsys, flags).code == 0
    study = Study.load("results")
    assert len(study.records) == 3
    assert all(record["params"] <= 6000 and record.point["layers"] <= 3 for record in study.records)
    assert study.state.rejected["invalid architecture"] + study.state.rejected["params"] > 0


@pytest.mark.slow
def test_without_a_feasible_trial_the_nearest_is_shown(capsys) -> None:
    outcome = search(
        capsys, "--space models.py --trials 1 --epochs 1 --constraint val_accuracy>=0.9999 --executor inline"
    )
    assert outcome.code == 5
    assert outcome.errors[0].startswith("No trial meets the constraints. The nearest is trial 0 with val_accuracy")
    assert len(list(Path("results").glob("infeasible_*.json"))) == 1


@pytest.mark.slow
def test_an_evolution_improves_within_its_constraints(capsys) -> None:
    mu = 3
    flags = "--space flower_cnn --strategy evolution --mu 3 --lambda 2 --trials 9 --epochs 2 --executor inline --seed 0"
    assert search(capsys, f"{flags} --constraint macs<=2e5 --constraint params<=1e5").code == 0
    records = Study.load("results").records
    assert len(records) == 9
    assert all(record["macs"] <= 2e5 and record["params"] <= 1e5 for record in records)
    accuracies = [-record.loss for record in records]
    first, population = accuracies[:mu], sorted(accuracies)[-mu:]
    assert statistics.mean(population) > statistics.mean(first) + 0.1
    assert statistics.mean(accuracies[mu:]) > statistics.mean(first) + 0.1  # all children, not only a lucky one
    assert all(record["parent"] is not None for record in records[mu:])


@pytest.mark.slow
def test_children_inherit_weights_fold_by_fold(capsys) -> None:
    flags = "--space flower_cnn --strategy evolution --inherit --mu 2 --lambda 2 --epochs 1 --folds 2 --executor inline"
    assert search(capsys, f"{flags} --constraint macs<=1e5 --trials 4").code == 0
    records = Study.load("results").records
    children = [record for record in records if record["parent"] is not None]
    assert len(children) == 2
    for child in children:
        assert child["inherited"]["trial"] == child["parent"]
        assert 0 < child["inherited"]["layers"] <= child["inherited"]["of"]
        assert len(child["replicates"]) == 2
    # The weights of a parent are kept as long as it may have children.
    kept = {int(path.name) for path in Path("results/checkpoints").iterdir()}
    assert kept == {record.trial for record in records if record.complete}

    shutil.rmtree("results/checkpoints")
    shown = search(capsys, "--trials 5").out
    last = Study.load("results").records[-1]
    assert (
        f"Trial {last.trial} trains from scratch: the weights of its parent, trial {last['parent']}, are gone" in shown
    )
    assert "inherited" not in last
    (file,) = Path("results").glob(f"*_{last.trial:06d}.json")
    assert json.loads(file.read_text())["parent"] == last["parent"]
