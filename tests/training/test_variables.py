from pathlib import Path

import numpy as np
import pytest

from metaopt.training.checkpoint import Checkpoint, EpochHistory, TrainingState

pytestmark = pytest.mark.slow  # imports Keras


def model(dtype: str = "float32"):
    import keras

    from metaopt.training.variables import build_optimizer

    keras.utils.set_random_seed(1)
    layers = [keras.layers.Dense(2), keras.layers.BatchNormalization(), keras.layers.Dropout(0.5)]
    built = keras.Sequential([keras.Input((3,)), *layers], name="same")
    if dtype != "float32":
        built = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2, dtype=dtype)])
    built.compile("adam", "mse")
    build_optimizer(built)
    return built


def train(built) -> None:
    rng = np.random.default_rng(0)
    built.fit(rng.normal(size=(8, 3)), rng.normal(size=(8, 2)), verbose=0, shuffle=False)


def test_a_snapshot_restores_all_variables() -> None:
    from metaopt.training.variables import assign, fits, snapshot, weights_of

    one, other = model(), model()
    before = snapshot(one)
    kept = [array.copy() for array in before]
    train(one)
    after = snapshot(one)
    assert all((a == b).all() for a, b in zip(before, kept, strict=True))  # copies, whatever the model did since
    # Kernel, bias, both of BN, its averages, the dropout's seed; iterations, learning rate, two slots for each of four.
    assert len(after) == 7 + 2 + 8
    assert fits(other, after)
    assign(other, after)
    assert all((a == b).all() for a, b in zip(snapshot(other), after, strict=True))
    weights = weights_of(one, after)
    assert all((a == b).all() for a, b in zip(weights, one.get_weights(), strict=True))
    train(one)
    train(other)
    assert all(a.tobytes() == b.tobytes() for a, b in zip(snapshot(other), snapshot(one), strict=True))


def test_a_snapshot_of_another_model_does_not_fit() -> None:
    from metaopt.training.variables import fits, snapshot

    assert not fits(model("float16"), snapshot(model()))


def test_bfloat16_variables_survive_a_checkpoint(tmp_path: Path) -> None:
    from metaopt.training.variables import assign, snapshot

    one, other = model("bfloat16"), model("bfloat16")
    train(one)
    Checkpoint(tmp_path).save(TrainingState(EpochHistory([{}], [1.0], [()]), [snapshot(one)]), (1, [one.get_weights()]))
    state, _ = Checkpoint(tmp_path).restore()
    assert state is not None
    assign(other, state.folds[0])
    assert all(a.tobytes() == b.tobytes() for a, b in zip(snapshot(other), snapshot(one), strict=True))


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_bytes_are_counted_without_a_snapshot(dtype: str) -> None:
    from metaopt.training.variables import count_bytes, snapshot, weights_of

    built = model(dtype)
    arrays = snapshot(built)
    assert count_bytes(built) == tuple(
        sum(each.nbytes for each in some) for some in (arrays, weights_of(built, arrays))
    )
