"""Global state of Keras and NumPy around a training."""

import importlib
import random
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from metaopt.cli.retrain import main as retrain_command
from metaopt.cli.search import main as search
from metaopt.data import DataSet
from metaopt.problems.memory_estimate import bytes_per_number
from metaopt.problems.problem import Problem
from metaopt.training import backend, build_and_train, global_state
from metaopt.training.checkpoint import best_weights
from metaopt.training.retraining import retrain
from tests.cli.running import run_command
from tests.training.requests import make_request

pytestmark = pytest.mark.slow  # imports Keras


@pytest.fixture(autouse=True)
def default_settings() -> Iterator[None]:
    with global_state.preserved():
        yield


def set_precision(policy: str) -> None:
    import keras

    keras.config.set_floatx("float64" if policy == "float64" else "float32")
    keras.config.set_dtype_policy(policy)


def small(policy_seen: list[str], **dense: Any) -> Any:
    def build_model(point: Any, input_shape: Any, classes: Any) -> Any:
        import keras

        policy_seen.append(keras.config.dtype_policy().name)
        inputs = keras.Input(input_shape)
        x = keras.layers.Dropout(0.2)(keras.layers.Flatten()(inputs))
        outputs = [keras.layers.Dense(n, activation="softmax", name=head, **dense)(x) for head, n in classes.items()]
        model = keras.Model(inputs, outputs)
        model.compile(
            keras.optimizers.Adam(point.get("rate", 0.01)),
            ["sparse_categorical_crossentropy"] * len(outputs),
            metrics=[["accuracy"], []],
        )
        return model

    return SimpleNamespace(build_model=build_model)


def test_policy_of_the_chip_holds_in_every_trial(monkeypatch: Any, tiny: DataSet) -> None:
    monkeypatch.setattr(backend, "_policy", lambda: "mixed_bfloat16")
    backend.prepare()
    seen: list[str] = []
    records = [build_and_train(small(seen), {}, tiny, epochs=1) for _ in range(2)]
    assert seen == ["mixed_bfloat16"] * 2
    assert [record["precision"] for record in records] == [{"policy": "mixed_bfloat16", "floatx": "float32"}] * 2


def test_policy_of_the_user_is_kept_by_prepare(monkeypatch: Any) -> None:
    import keras

    keras.config.set_dtype_policy("mixed_float16")
    monkeypatch.setattr(backend, "_policy", lambda: "mixed_bfloat16")
    backend.prepare()
    assert keras.config.dtype_policy().name == "mixed_float16"


def test_settings_hold_inside_and_after_a_session() -> None:
    import keras

    keras.config.set_dtype_policy("mixed_bfloat16")
    keras.config.set_epsilon(1e-5)
    keras.config.set_image_data_format("channels_first")
    keras.config.enable_unsafe_deserialization()
    keras.config.disable_flash_attention()
    keras.config.disable_traceback_filtering()
    keras.config.disable_interactive_logging()

    def settings() -> list[Any]:
        return [
            keras.config.dtype_policy().name,
            keras.config.epsilon(),
            keras.config.image_data_format(),
            keras.src.saving.serialization_lib.in_safe_mode(),
            keras.config.is_flash_attention_enabled(),
            keras.config.is_traceback_filtering_enabled(),
            keras.config.is_interactive_logging_enabled(),
        ]

    expected = ["mixed_bfloat16", 1e-5, "channels_first", False, False, False, False]
    assert settings() == expected
    with backend.clean_session():
        assert settings() == expected
        keras.config.set_dtype_policy("float64")  # as a build_model might
        keras.config.set_epsilon(1e-3)
        keras.config.set_floatx("float16")
        keras.config.enable_interactive_logging()
    assert settings() == expected
    assert keras.config.floatx() == "float32"


def test_numpy_settings_and_generators_are_the_users_again(tiny: DataSet) -> None:
    with np.errstate(all="raise"), np.printoptions(precision=3):
        np.random.seed(5)  # noqa: NPY002 - the generator of the user's script
        random.seed(5)
        states = [str(np.random.get_state()), random.getstate()]  # noqa: NPY002
        record = build_and_train(small([]), {}, tiny, epochs=1)
        assert record["status"] == "ok"
        assert np.geterr() == dict.fromkeys(("divide", "over", "under", "invalid"), "raise")
        assert np.get_printoptions()["precision"] == 3
        assert [str(np.random.get_state()), random.getstate()] == states  # noqa: NPY002


@pytest.mark.parametrize("policy", ["mixed_float16", "bfloat16", "float64"])
def test_training_resumes_bit_for_bit_in_every_precision(policy: str, tiny: DataSet, tmp_path: Path) -> None:
    set_precision(policy)
    seen: list[str] = []
    problem = small(seen)
    whole = build_and_train(problem, {}, tiny, epochs=3, checkpoint=tmp_path / "whole")
    build_and_train(problem, {}, tiny, epochs=2, checkpoint=tmp_path / "parts")
    parts = build_and_train(
        problem, {}, tiny, epochs=3, checkpoint=tmp_path / "parts", run=make_request(start=2, epochs=3)
    )
    assert parts["history"] == whole["history"]
    assert seen == [policy] * 3
    assert all(isinstance(value, float) for column in whole["history"].values() for value in column)
    for one, other in zip(best_weights(tmp_path / "whole")[1][0], best_weights(tmp_path / "parts")[1][0], strict=True):
        assert (one.dtype, one.tobytes()) == (other.dtype, other.tobytes())
    network = problem.build_model({}, tiny.input_shape, tiny.classes)
    network.set_weights(best_weights(tmp_path / "whole")[1][0])  # as `best --save` does, bfloat16 too


@pytest.mark.parametrize("policy", ["mixed_float16", "float64"])
def test_exported_model_predicts_float32_in_every_precision(policy: str, tiny: DataSet, tmp_path: Path) -> None:

    from metaopt.training.export import export_model, load_model, predict, save_model
    from metaopt.training.model_file import ModelMetadata

    set_precision(policy)
    problem = Problem.of(importlib.import_module("tests.training.tiny_problem"))
    trained = retrain(problem, {}, tiny, epochs=1, seed=0)
    metadata = ModelMetadata({head: tiny.class_names[head] for head in trained.heads}, tiny.input_shape)
    images = tiny.test().batch(range(16))[0]
    exported = export_model([trained.network], metadata, images)
    in_memory = predict(exported, metadata, images)
    save_model(exported, metadata, tmp_path / "model.keras")
    set_precision("float32")  # as where the file is loaded later
    model, metadata = load_model(tmp_path / "model.keras")
    for head, probabilities in predict(model, metadata, images).items():
        assert probabilities.dtype == np.float32
        assert np.allclose(probabilities.sum(axis=1), 1, atol=1e-5)
        assert np.allclose(probabilities, in_memory[head], atol=1e-6)


def test_memory_estimate_counts_the_bytes_of_floatx() -> None:
    import keras

    assert bytes_per_number() == 4
    keras.config.set_floatx("float64")
    assert bytes_per_number() == 8


OWN = """
import keras
from hyperopt import hp
keras.config.set_floatx("float64")
keras.config.set_dtype_policy("mixed_bfloat16")
space = {"rate": hp.uniform("rate", 0.01, 0.02)}
def build_model(point, input_shape, classes):
    print("PRECISION", keras.config.dtype_policy().name, keras.config.floatx(), flush=True)
    model = keras.Sequential([keras.Input(input_shape), keras.layers.Flatten(),
                              keras.layers.Dense(classes["label"], activation="softmax")])
    model.compile("adam", "sparse_categorical_crossentropy")
    return model
"""


def test_setting_of_the_problem_file_holds_in_search_and_retrain(tmp_path: Path, capsys: Any) -> None:
    problem, results = tmp_path / "own.py", str(tmp_path / "r")
    problem.write_text(OWN)
    flags = ["--space", str(problem), "--data", "digits", "--trials", "2", "--epochs", "1"]
    assert run_command(search, capsys, *flags, "--results", results).code == 0  # in a worker, a process of its own
    set_precision("float32")  # as where the study is retrained later
    shown = run_command(retrain_command, capsys, "--epochs", "1", "--results", results)
    assert shown.code == 0
    log = (tmp_path / "r" / "logs" / "worker.log").read_text() + shown.out
    seen = [line.removeprefix("PRECISION ") for line in log.splitlines() if line.startswith("PRECISION")]
    assert len(seen) >= 3
    assert set(seen) == {"mixed_bfloat16 float64"}


def test_seeding_without_clearing_kernels_gives_the_same_weights() -> None:
    import keras

    def draw(**options: Any) -> list[bytes]:
        with global_state.preserved():
            global_state.set_random_seed(5, **options)
            layers = [keras.layers.Dense(3), keras.layers.Dropout(0.5)]
            model = keras.Sequential([keras.Input((4,)), *layers])
            drawn = [keras.random.normal((2,)), np.random.rand(2), random.random()]  # noqa: NPY002
            return [np.asarray(each).tobytes() for each in (*model.variables, *drawn)]

    assert draw(keeps_kernels=True) == draw()
    assert draw(keeps_kernels=True) == draw(keeps_kernels=True)


def test_clearing_the_session_resets_the_names_of_layers() -> None:
    import keras

    keras.layers.Dense(1)
    global_state.clear_session()
    assert keras.layers.Dense(1).name == "dense"
