"""Hyperparameters that have no effect."""

from typing import Any

import pytest
from hyperopt import hp

from metaopt.blueprint import Blueprint, Dense, Flatten, Input
from metaopt.outputs import ImageOutput
from metaopt.problems import Problem, Training, list_ready_problems, load_problem
from metaopt.problems.unread import Unread, describe_unread, find_paths, find_unread
from metaopt.spaces import compile_space

OF_SIGNALS = "signal_cnn", "conv_stack_1d"
SPACE = {
    "units": hp.uniformint("units", 1, 50),
    "lr": hp.uniform("lr", 0.1, 0.2),
    "batch": hp.uniformint("size", 8, 64),
    "epochs": hp.uniformint("epochs", 1, 9),
    "mixup": hp.uniform("mixup", 0, 1),
    "block": hp.choice("block", [{"a": hp.uniform("a", 0, 1), "b": hp.uniform("b", 0, 1)}, None]),
}


def network(point, input_shape, classes):
    inputs = Input(input_shape)
    x = Flatten()(inputs)
    if point["block"] is not None and point["block"]["b"] > 0.5:
        x = Dense(2)(x)
    return Blueprint(inputs, {head: Dense(n)(Dense(point["units"])(x)) for head, n in classes.items()})


def unread_of(problem: Problem, input_shape: tuple[int, ...] = (8, 8, 1), **classes: Any) -> Unread:
    return find_unread(compile_space(problem.space), problem, input_shape, classes or {"label": 3})


@pytest.mark.parametrize(
    "training",
    [
        Training.from_point,
        lambda point: Training.from_point({**point, "optimizer": "SGD"}),
        lambda point: Training(mixup=point["mixup"]),
        lambda point: Training(**{key: value for key, value in point.items() if key == "mixup"}),
    ],
)
def test_keys_that_nothing_reads_are_found(training) -> None:
    found = unread_of(Problem(SPACE, network, training))
    assert found == Unread(("batch", "block.a", "epochs", "lr"))
    [text] = describe_unread(found, ["units"])
    assert text.startswith("Nothing reads 'batch', 'block.a', 'epochs' and 'lr' of the space: network and training")
    assert "Did you mean 'learning_rate' instead of 'lr'?" in text
    assert "Did you mean 'batch_size' instead of 'batch'?" in text
    assert "'epochs' is a setting of the search" in text


# transfer needs a backbone, see tests/zoo/test_transfer.py
@pytest.mark.parametrize("name", [name for name in list_ready_problems() if name not in ("autoencoder", "transfer")])
def test_ready_problems_read_all_their_keys(name: str) -> None:
    problem, shape = load_problem(name), (64, 1) if name in OF_SIGNALS else (8, 8, 1)
    assert unread_of(problem, shape, fine=4, coarse=2) == Unread()
    alone = Unread((), ("coarse_labels_weight",)) if name == "cnn" else Unread()
    assert unread_of(problem, shape, label=4) == alone


def test_the_decoder_of_the_autoencoder_reads_its_keys_for_images_only() -> None:
    problem = load_problem("autoencoder")
    assert unread_of(problem, image=ImageOutput((8, 8, 1))) == Unread()
    assert unread_of(problem, label=4) == Unread(("interpolation", "skips"), ())


def test_the_weight_of_an_absent_head_is_told() -> None:
    [text] = describe_unread(Unread((), ("coarse_labels_weight",)), [])
    assert text.startswith(
        "'coarse_labels_weight' of the space has no effect on these data: it weights the loss of a head"
    )


def test_a_weight_that_also_shapes_the_network_acts() -> None:
    space = {"weight": hp.uniform("weight", 1, 9)}

    def shaped(point, input_shape, classes):
        inputs = Input(input_shape)
        return Blueprint(inputs, Dense(int(point["weight"]))(Flatten()(inputs)))

    def training(point):
        return Training(loss_weights={"coarse": point["weight"]})

    assert unread_of(Problem(space, shaped, training)) == Unread()


def test_paths_of_labels() -> None:
    assert find_paths(compile_space(SPACE).root) == {
        "units": {"units"},
        "lr": {"lr"},
        "size": {"batch"},
        "epochs": {"epochs"},
        "mixup": {"mixup"},
        "block": {"block"},
        "a": {"block.a"},
        "b": {"block.b"},
    }
