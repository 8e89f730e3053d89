"""``metaopt.evolve_training`` end to end: trained, killed and resumed."""

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import metaopt
from metaopt.cli.delete import main as delete_study
from metaopt.engine.callbacks import Callback
from metaopt.errors import StudyMismatch, UserError
from metaopt.training.checkpoint import Checkpoint
from tests.training.evolving import models

pytestmark = pytest.mark.slow  # trains with Keras

PLAN = {"cycles": 2, "population": 3, "runup_epochs": 1, "cycle_epochs": 2, "fixing_epochs": 1, "final_epochs": 1}


class Killed(Callback):
    """Kills the search after a number of epochs."""

    def __init__(self, epochs: int) -> None:
        self.left = epochs

    def epoch(self, report: Any) -> None:
        self.left -= 1
        if self.left == 0:
            raise KeyboardInterrupt


def evolve(folder: Path, model: Any = None, data: Any = None, **given: Any) -> Any:
    model = models.dense("sgd") if model is None else model
    data = models.blobs() if data is None else data
    return metaopt.evolve_training(model, data, **{**PLAN, "results": folder, "progress": False, **given})


def states_of(folder: Path) -> dict[str, list[Any]]:
    found = {}
    for directory in sorted((folder / "checkpoints").iterdir()):
        state, _ = Checkpoint(directory).restore()
        assert state is not None
        found[directory.name] = [state.progress.metrics, *state.folds[0]]
    return found


def is_same(one: dict[str, list[Any]], other: dict[str, list[Any]]) -> bool:
    return one.keys() == other.keys() and all(
        a[0] == b[0] and all(np.array_equal(x, y) for x, y in zip(a[1:], b[1:], strict=True))
        for a, b in ((one[name], other[name]) for name in one)
    )


@pytest.fixture(scope="module")
def model() -> Any:
    return models.dense("sgd")


@pytest.fixture(scope="module")
def evolved(model: Any, tmp_path_factory: pytest.TempPathFactory) -> Any:
    return evolve(tmp_path_factory.mktemp("evolved") / "results", model)


def test_the_users_model_is_not_changed(model: Any, evolved: Any) -> None:
    fresh = models.dense("sgd")
    assert all((a == b).all() for a, b in zip(model.get_weights(), fresh.get_weights(), strict=True))
    assert int(model.optimizer.iterations) == 0
    assert evolved.model is not model


def test_the_final_model_is_trained_and_compiled_as_the_users(evolved: Any) -> None:
    x, y = models.blobs()
    loss, accuracy = evolved.model.evaluate(x, y, verbose=0)
    before, _ = models.dense("sgd").evaluate(x, y, verbose=0)
    assert loss < before
    assert 0 <= accuracy <= 1
    last = evolved.lineage.final.metrics[-1]
    assert set(last) == {"loss", "val_loss", "val_accuracy"}
    assert evolved.model.optimizer.__class__.__name__ == evolved.configuration["optimizer"]
    assert len(evolved.study.records) == len(evolved.study.state.trials) == 12


def test_the_validation_loss_has_no_penalties(tmp_path: Path) -> None:
    from metaopt.training.evolving.batches import LossValidation
    from metaopt.training.evolving.examples import ArrayExamples
    from metaopt.training.evolving.recipe import Recipe

    x, y = models.blobs(61)
    recipe = Recipe.of(models.dense(), 32, 60)
    plain = recipe.build(recipe.network.initial)
    penalised = recipe.build({**recipe.network.initial, "l2": 0.1, "label_smoothing": 0.2})
    validation = LossValidation(ArrayExamples(x, y), dict(recipe.compilation), ["output"], {"output": "classes"})
    expected = models.dense().evaluate(x, y, verbose=0)
    for one in (plain, penalised):
        assert list(validation.measure(one).values()) == pytest.approx(expected, rel=1e-5)


def test_a_killed_evolution_resumes_bit_for_bit(evolved: Any, tmp_path: Path) -> None:
    """It is resumed with models of other random weights: the study has kept those that it began with."""
    folder = tmp_path / "results"
    for epochs, seed in ((1, 0), (11, 1)):
        with pytest.raises(KeyboardInterrupt):
            evolve(folder, models.dense("sgd", seed=seed), callbacks=[Killed(epochs)])
    again = evolve(folder, models.dense("sgd", seed=3))
    assert is_same(states_of(folder), states_of(evolved.folder))
    assert [trial.change for trial in again.study.state.trials] == [
        trial.change for trial in evolved.study.state.trials
    ]
    assert all((a == b).all() for a, b in zip(again.model.get_weights(), evolved.model.get_weights(), strict=True))


def test_every_network_has_an_archive(evolved: Any) -> None:
    import keras

    folder = evolved.folder / "models"
    members = {f"{cycle}_{member}_model.keras" for cycle in (1, 2) for member in range(3)}
    names = {path.name for path in folder.iterdir()}
    assert members | {"model_init.keras", "model_1.keras", "model_2.keras", "model_final.keras"} <= names
    others = names - members - {"model_init.keras", "model_1.keras", "model_2.keras", "model_final.keras"}
    assert len(others) == 2
    assert all(name[1:] in ("_fixing_model.keras", "_crossover_model.keras") for name in others)
    x, y = models.blobs()
    final = keras.models.load_model(folder / "model_final.keras")
    assert final.evaluate(x, y, verbose=0) == pytest.approx(evolved.model.evaluate(x, y, verbose=0))
    first = keras.models.load_model(folder / "1_0_model.keras")
    assert first.optimizer.iterations > 0
    assert not list(folder.glob(".*")), "no temporary files are left"


def test_metadata_hold_each_change_loss_and_fitness(evolved: Any) -> None:
    metadata = json.loads((evolved.folder / "metadata.json").read_text())
    assert metadata["plan"]["population"] == 3
    assert metadata["fitness"] == "fall and last"
    first, second = metadata["cycles"]
    assert [member["archive"] for member in first["members"]] == [f"1_{member}_model.keras" for member in range(3)]
    assert first["members"][0]["change"] == "unchanged"
    for member in [*first["members"], *second["members"]]:
        losses = member["val_loss"]
        assert len(losses) == len(member["loss"]) == 2
        assert member["fitness"] == pytest.approx(losses[0] - 2 * losses[-1])
        assert member["seconds"] > 0
    assert first["winner"] == max(first["members"], key=lambda member: member["fitness"])["trial"]
    assert metadata["final"]["epochs"] == [8]
    assert metadata["complete"] is True
    assert metadata["configuration"] == evolved.configuration


def test_the_history_is_drawn_and_animated(evolved: Any, monkeypatch) -> None:
    from matplotlib.animation import PillowWriter
    from matplotlib.text import Text
    from PIL import Image

    grab, texts = PillowWriter.grab_frame, set()

    def read_and_grab(writer: PillowWriter) -> None:
        grab(writer)
        texts.update(text.get_text() for text in writer.fig.findobj(Text))

    monkeypatch.setattr(PillowWriter, "grab_frame", read_and_grab)
    figure, animation = evolved.draw()
    assert "validation loss" in texts
    assert not any("mathdefault" in text for text in texts)
    assert [path.name for path in (figure, animation)] == ["evolution.png", "evolution.gif"]
    assert figure.with_suffix(".svg").is_file()
    with Image.open(animation) as frames:
        assert frames.n_frames > 12


def test_only_the_final_model_may_be_kept(tmp_path: Path) -> None:
    plan = {"cycles": 1, "population": 2, "crossover": False, "fixing_epochs": 0, "cycle_epochs": 1, "final_epochs": 0}
    evolve(tmp_path / "results", keep_models=False, **plan)
    assert [path.name for path in (tmp_path / "results" / "models").iterdir()] == ["model_final.keras"]
    assert delete_study(["--yes", str(tmp_path / "results")]) == 0
    assert not (tmp_path / "results").exists()


def test_a_finished_evolution_trains_nothing_again(evolved: Any) -> None:
    n_lines = len((evolved.folder / "journal.jsonl").read_bytes().splitlines())
    again = evolve(evolved.folder)
    assert again.configuration == evolved.configuration
    assert len((evolved.folder / "journal.jsonl").read_bytes().splitlines()) <= n_lines + 2
    with pytest.raises(StudyMismatch, match="evolution"):
        evolve(evolved.folder, population=4)
    with pytest.raises(StudyMismatch, match="data set"):
        evolve(evolved.folder, data=models.blobs(seed=1))


def test_members_train_side_by_side(evolved: Any, tmp_path: Path) -> None:
    found = evolve(tmp_path / "results", executor="processes", workers=2)
    assert is_same(states_of(tmp_path / "results"), states_of(evolved.folder))
    assert found.study.settings["workers"] == 2


@pytest.mark.parametrize("kind", ["convolutional", "recurrent", "autoencoder"])
def test_other_networks_evolve(kind: str, tmp_path: Path) -> None:
    x, y = models.blobs(24)
    data = {
        "convolutional": (np.repeat(x, 4, axis=1).reshape(-1, 8, 8, 1), np.eye(3)[y]),
        "recurrent": (x[:, :10].reshape(-1, 5, 2), x[:, :1]),
        "autoencoder": (x, x.reshape(-1, 4, 4)),
    }[kind]
    plan = {"cycles": 1, "population": 2, "cycle_epochs": 1, "final_epochs": 0, "batch_size": 500}
    found = evolve(tmp_path / "results", getattr(models, kind)(), data, **plan)
    assert found.configuration["batch_size"] <= 20, "no batch is larger than the training data"
    assert {trial.status for trial in found.study.state.trials} <= {"ok", "fail"}
    assert found.lineage.result.epochs == 3


@pytest.mark.parametrize("policy", ["mixed_float16", "bfloat16"])
def test_low_precision_evolves_and_resumes(policy: str, tmp_path: Path) -> None:
    import keras

    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(policy)
    try:
        model = models.dense("sgd")
        given = {"mutations": ["optimizer"], "cycles": 1, "population": 2, "final_epochs": 0}
        evolved = evolve(tmp_path / "results", model, **given)
        again = evolve(tmp_path / "results", model, **given)
    finally:
        keras.config.set_dtype_policy(before)
    records = evolved.study.records
    assert {record["status"] for record in records} == {"ok"}, [record.get("error") for record in records]
    assert [record["loss"] for record in again.study.records] == [record["loss"] for record in records]


def test_a_damaged_initial_state_is_one_sentence(tmp_path: Path) -> None:
    model = models.dense("sgd")
    evolve(tmp_path / "results", model, cycles=0)
    path = tmp_path / "results" / "initial.npz"
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(UserError, match=r"initial\.npz is damaged"):
        evolve(tmp_path / "results", model, cycles=0)


def test_a_full_disk_ends_the_training_with_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import keras

    from metaopt.errors import ResultsNotWritable

    def full(*_: Any, **__: Any) -> None:
        raise OSError(28, os.strerror(28))

    monkeypatch.setattr(keras.Model, "save", full)
    with pytest.raises(
        ResultsNotWritable, match=r"The model model.keras cannot be written \(No space left on device\)"
    ):
        evolve(tmp_path / "results")
