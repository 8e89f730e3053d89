import numpy as np
import pytest

from metaopt.errors import UserError
from metaopt.problems.training_config import Training

pytestmark = pytest.mark.slow  # imports Keras


def test_optimizer_names_ignore_case_and_options_are_set() -> None:
    from metaopt.training.compiling import make_optimizer

    for name in ("SGD", "sgd", "Sgd"):
        optimizer = make_optimizer(Training(name, 0.25, options={"momentum": 0.9}))
        assert type(optimizer).__name__ == "SGD"
        assert float(optimizer.learning_rate) == 0.25
        assert optimizer.momentum == 0.9


@pytest.mark.parametrize(
    ("training", "message"),
    [
        (Training("Adamm"), r"Invalid value for optimizer: Adamm\. Did you mean Adam\?"),
        (Training("xyz"), "xyz. Expected one of .*Adam, .*Nadam, .*SGD"),
        (Training("optimizer"), "Invalid value for optimizer: optimizer"),
        (Training("Adam", options={"momentum": 0.9}), "Invalid options for optimizer Adam: {'momentum': 0.9}"),
    ],
)
def test_an_unknown_optimizer_or_option_raises(training: Training, message: str) -> None:
    from metaopt.training.compiling import make_optimizer

    with pytest.raises(UserError, match=message):
        make_optimizer(training)


@pytest.mark.parametrize("form", ["dict", "list", "tensor"])
def test_each_head_has_a_loss_for_any_output_structure(form: str) -> None:
    import keras

    from metaopt.training import compile_model

    inputs = keras.Input((3,))
    fine = keras.layers.Dense(4, activation="softmax", name="fine")(inputs)
    coarse = keras.layers.Dense(2, activation="softmax", name="coarse")(inputs)
    outputs = {"dict": {"fine": fine, "coarse": coarse}, "list": [fine, coarse], "tensor": fine}[form]
    classes = {"fine": 4} if form == "tensor" else {"fine": 4, "coarse": 2}
    weights = {"coarse": 0.5, "colour": 7.0}  # a network has not every head that a space knows
    model = compile_model(keras.Model(inputs, outputs), Training(loss_weights=weights), classes)

    x, labels = np.ones((6, 3), np.float32), {"fine": np.arange(6) % 4, "coarse": np.arange(6) % 2}
    y = {"dict": labels, "list": [labels["fine"], labels["coarse"]], "tensor": labels["fine"]}[form]
    logs = model.evaluate(x, y, verbose=0, return_dict=True)
    if form == "tensor":
        assert logs["loss"] == pytest.approx(logs["train"])
    else:
        assert logs["loss"] == pytest.approx(logs["fine_loss"] + 0.5 * logs["coarse_loss"], rel=1e-5)
        assert logs["fine_train"] == pytest.approx(logs["fine_loss"], rel=1e-5)


@pytest.mark.parametrize("fields", [{"label_smoothing": 0.3}, {"mixup": 0.2}, {}])
def test_label_smoothing_is_in_the_loss_only(fields) -> None:
    import keras

    from metaopt.training.compiling import TRAIN, compile_model, soft_classes

    outputs = keras.layers.Dense(4, activation="softmax", name="label")(keras.Input((3,)))
    model = compile_model(
        keras.Model(outputs._keras_history.operation.input, outputs), Training(**fields), {"label": 4}
    )
    soft = soft_classes(model, {"label": 4})
    assert soft == ({"label": 4} if fields else None)
    x, numbers = np.random.default_rng(0).normal(size=(6, 3)).astype(np.float32), np.arange(6) % 4
    given = np.eye(4)[numbers]
    logs = model.evaluate(x, given if soft else numbers, verbose=0, return_dict=True)
    logarithms = np.log(model.predict_on_batch(x))
    smoothing = fields.get("label_smoothing", 0)
    smooth = given * (1 - smoothing) + smoothing / 4
    assert logs[TRAIN] == pytest.approx(-(given * logarithms).sum(axis=1).mean(), rel=1e-4)
    assert logs["loss"] == pytest.approx(-(smooth * logarithms).sum(axis=1).mean(), rel=1e-4)


@pytest.mark.parametrize(
    ("loss", "soft"),
    [
        ("categorical_crossentropy", True),
        ("sparse_categorical_crossentropy", False),
        ({"label": "categorical_focal_crossentropy"}, True),
        ("mse", False),
    ],
)
def test_the_loss_of_a_custom_model_decides_on_soft_labels(loss, soft: bool) -> None:
    import keras

    from metaopt.training.compiling import soft_classes

    inputs = keras.Input((3,))
    model = keras.Model(inputs, {"label": keras.layers.Dense(4, name="label")(inputs)})
    model.compile("sgd", loss)
    assert (soft_classes(model, {"label": 4}) is not None) == soft


def test_weight_decay_applies_to_kernels_only() -> None:
    import keras

    from metaopt.training.compiling import make_optimizer

    inputs = keras.Input((5,))
    x = keras.layers.BatchNormalization()(keras.layers.Dense(4, bias_initializer="ones")(inputs))
    model = keras.Model(inputs, x)
    before = {id(v): v.numpy() for v in model.trainable_variables}
    optimizer = make_optimizer(Training("SGD", 0.5, weight_decay=0.1))
    optimizer.apply([keras.ops.zeros(v.shape) for v in model.trainable_variables], model.trainable_variables)
    for variable in model.trainable_variables:
        share = 1 - 0.5 * 0.1 if variable.name == "kernel" else 1.0
        np.testing.assert_allclose(variable.numpy(), share * before[id(variable)], rtol=1e-6)


def test_the_learning_rate_anneals_only_with_known_steps() -> None:
    from metaopt.training.compiling import make_optimizer

    training = Training("SGD", 0.5, schedule="cosine")
    assert float(make_optimizer(training).learning_rate) == 0.5
    optimizer = make_optimizer(training, steps=2, cycles=(1,))
    optimizer.iterations.assign(1)
    assert float(optimizer.learning_rate) == pytest.approx(0.25)
