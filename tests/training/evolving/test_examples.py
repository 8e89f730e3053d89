"""Examples of every kind of data, and checks that they fit the model."""

from typing import Any

import numpy as np
import pytest

from metaopt.errors import UserError
from tests.training.evolving import models

pytestmark = pytest.mark.slow  # imports Keras

X, Y = models.blobs()


def read(data: Any, batch_size: int | None = None) -> Any:
    from metaopt.training.evolving.examples import read_data

    return read_data(data, models.dense(), batch_size)


def batches_of(size: int = 25) -> Any:
    import keras

    class Batches(keras.utils.PyDataset):
        num_batches = -(-len(X) // size)

        def __getitem__(self, index: int) -> tuple[Any, Any]:
            return X[index * size : (index + 1) * size], Y[index * size : (index + 1) * size]

    return Batches()


def tf_data(size: int = 25) -> Any:
    import tensorflow as tf

    return tf.data.Dataset.from_tensor_slices((X, Y)).batch(size)


def test_a_share_of_each_class_of_arrays_is_held_out() -> None:
    found = read((X, Y))
    assert (len(found.train), len(found.validation), found.batch_size) == (48, 12, 32)
    assert np.bincount(found.validation.targets).tolist() == [4, 4, 4]
    assert read((X, Y)).fingerprint == found.fingerprint != read((X + 1, Y)).fingerprint
    one_hot = read((X, np.eye(3)[Y]))
    assert one_hot.validation.targets.sum(axis=0).tolist() == [4, 4, 4]


@pytest.mark.parametrize("make", [batches_of, tf_data])
def test_batches_are_read_into_memory(make: Any) -> None:
    found = read(make())
    assert (len(found.train), found.batch_size) == (48, 25)
    assert (np.sort(np.concatenate([found.train.inputs, found.validation.inputs])[:, 0]) == np.sort(X[:, 0])).all()


def test_integers_that_are_no_classes_are_held_out_as_numbers() -> None:
    from metaopt.training.evolving.examples import ArrayExamples, _hold_out

    rng = np.random.default_rng(0)
    targets = rng.integers(0, 20_000, 1000)
    _, validation = _hold_out(ArrayExamples(rng.normal(size=(1000, 2)), targets))
    assert len(validation) == 200


def test_a_pair_is_training_and_validation() -> None:
    found = read(((X[:40], Y[:40], np.ones(40)), tf_data()), batch_size=16)
    assert (len(found.train), len(found.validation), found.batch_size) == (40, 60, 16)
    inputs, targets, weights = found.train.read([1, 0])
    assert (inputs == X[[1, 0]]).all()
    assert targets.tolist() == [1, 0]
    assert weights.tolist() == [1, 1]


def test_a_data_set_of_metaopt_has_its_own_splits(tiny: Any) -> None:
    import keras

    from metaopt.training.evolving.examples import read_data

    layers = [keras.Input(tiny.input_shape), keras.layers.Flatten(), keras.layers.Dense(2, "softmax")]
    found = read_data(tiny, keras.Sequential(layers))
    assert (len(found.train), len(found.validation)) == (len(tiny.train), len(tiny.validation))
    assert found.fingerprint == tiny.fingerprint
    inputs, _, _ = found.train.read([0, 1])
    assert inputs.shape == (2, *tiny.input_shape)
    assert np.abs(inputs).max() <= 0.5


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ("digits", r"Invalid data: str. Expected \(inputs, targets\) of arrays"),
        ((X,), "Invalid data: tuple"),
        ((X, Y[:3]), "The arrays of the data have different lengths: 3, 60"),
        ((X[:0], Y[:0]), "The data are empty"),
        ((X[:1], Y[:1]), "The data have 1 example. Expected at least 2"),
        ((X, 3), "hold a single value where an array"),
    ],
)
def test_other_data_are_refused(data: Any, message: str) -> None:
    with pytest.raises(UserError, match=message):
        read(data)


def test_endless_data_are_refused() -> None:
    with pytest.raises(UserError, match=r"without an end: leave out repeat\(\)"):
        read(tf_data().repeat())


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ((X[:, :3], Y), r"The model does not take the inputs of the data, of shape \(3,\)"),
        ((X, X), r"of shape \(3,\), with the loss sparse_categorical_crossentropy fits no targets of shape \(16,\)."
         " Expected one class index for 3 probabilities"),
        ((X, Y + 1), "has 3 classes, but the targets are class indices from 1 to 3. Expected 0 to 2."),
        ((X, (Y, Y)), r"The model has 1 output \(output\), but the data have 2 targets"),
    ],
)  # fmt: skip
def test_data_that_do_not_fit_the_model_are_refused(data: Any, message: str) -> None:
    from metaopt.training.evolving.preparation import prepare

    with pytest.raises(UserError, match=message):
        prepare(models.dense(), data, None)


@pytest.mark.parametrize("targets", [{"kind": Y}, [Y], Y])
def test_a_dict_of_one_output_takes_targets_of_any_structure(targets: Any) -> None:
    from metaopt.training.evolving.preparation import prepare

    prepared = prepare(models.two_heads(("kind",)), (X, targets), None)
    assert list(prepared.data.train.read([0])[1]) == ["kind"]
    assert prepared.recipe.network.tasks == {"kind": "classes"}


def test_targets_of_several_outputs_have_their_structure() -> None:
    from metaopt.training.evolving.preparation import prepare

    both = {"size": X[:, :1], "kind": Y}
    assert prepare(models.two_heads(), (X, both), None).data.train.read([0])[1].keys() == both.keys()
    listed = prepare(models.two_heads(as_list=True), (X, [Y, X[:, :1]]), None).data.train.read([0])[1]
    assert [type(listed), *(each.shape for each in listed)] == [tuple, (1,), (1, 1)]
    for targets, message in (
        ({"size": Y, "kid": Y}, "names size, kid. Expected those of the outputs of the model: kind, size"),
        ([Y, X[:, :1]], "have no names. Expected a dict"),
    ):
        with pytest.raises(UserError, match=message):
            prepare(models.two_heads(), (X, targets), None)


def _subclassed() -> Any:
    import keras

    class Own(keras.Model):
        def call(self, x: Any) -> Any:
            return x

    return Own()


def _not_built() -> Any:
    import keras

    model = keras.Sequential([keras.layers.Dense(3)])
    model.compile("adam", "mse")
    return model


def _not_compiled() -> Any:
    import keras

    return keras.Sequential([keras.Input((16,)), keras.layers.Dense(3)])


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: "model.keras", "Invalid model: str. Expected a compiled keras.Model"),
        (_subclassed, "Own is a subclass of keras.Model"),
        (_not_built, "The model is not built"),
        (_not_compiled, "The model is not compiled"),
        (lambda: models.dense(loss=None), "compiled without a loss"),
        (
            lambda: models.two_heads(loss={"kinds": "mse"}),
            "a loss for kinds, which is none of its outputs. .* for kind, size",
        ),
    ],
)
def test_other_models_are_refused(make: Any, message: str) -> None:
    from metaopt.training.evolving.preparation import prepare

    with pytest.raises(UserError, match=message):
        prepare(make(), (X, Y), None)
