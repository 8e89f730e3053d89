import numpy as np
import pytest

from metaopt.errors import UserError
from metaopt.study.problem import Training

pytestmark = pytest.mark.slow  # imports Keras


def test_an_optimizer_is_found_in_any_case_and_takes_its_options() -> None:
    from metaopt.training.compiling import make_optimizer

    for name in ("SGD", "sgd", "Sgd"):
        optimizer = make_optimizer(Training(name, 0.25, options={"momentum": 0.9}))
        assert type(optimizer).__name__ == "SGD"
        assert float(optimizer.learning_rate) == 0.25
        assert optimizer.momentum == 0.9


@pytest.mark.parametrize(
    ("training", "message"),
    [
        (Training("Adamm"), "The optimizer Adamm is unknown: did you mean Adam?"),
        (Training("xyz"), "unknown: Keras has .*Adam, .*Nadam, .*SGD"),
        (Training("optimizer"), "The optimizer optimizer is unknown"),
        (Training("Adam", options={"momentum": 0.9}), "Adam refuses {'momentum': 0.9}"),
    ],
)
def test_what_the_user_wrote_wrong_is_named(training: Training, message: str) -> None:
    from metaopt.training.compiling import make_optimizer

    with pytest.raises(UserError, match=message):
        make_optimizer(training)


@pytest.mark.parametrize("form", ["dict", "list", "tensor"])
def test_a_loss_for_each_head_whatever_the_form_of_the_output(form: str) -> None:
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
