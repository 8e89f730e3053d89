"""The reference network in neural_net.py."""

import numpy as np
import pytest
from hyperopt.pyll.stochastic import sample

from metaopt.blueprint import InvalidArchitecture
from metaopt.data import DataSpec, load
from metaopt.engine.jobs import FromScratch, Job, TrainingOptions, TrainingRequest
from metaopt.problems.loading import load_earlier_references
from neural_net import build_and_train, build_model, network, training
from space import space

CLASSES = {"fine": 100, "coarse": 20}
# Floats where hyperopt's quniform gives them.
BEST = {
    "activation": "elu",
    "batch_size": 320.0,
    "coarse_labels_weight": 0.3067103474295116,
    "conv_dropout_drop_proba": 0.25923531175521264,
    "conv_hiddn_units_mult": 1.5958302613876916,
    "conv_kernel_size": 3.0,
    "conv_pool_res_start_idx": 0.0,
    "fc_dropout_drop_proba": 0.4322253354921089,
    "fc_units_1_mult": 1.3083964454436132,
    "first_conv": 3,
    "l2_weight_reg_mult": 0.41206755600055983,
    "lr_rate_mult": 0.6549347353077412,
    "nb_conv_pool_layers": 3,
    "one_more_fc": None,
    "optimizer": "Nadam",
    "pooling_type": "avg",
    "res_conv_kernel_size": 2.0,
    "residual": 3.0,
    "use_BN": True,
}
LARGE = {
    **BEST,
    "conv_hiddn_units_mult": 1,
    "fc_units_1_mult": 1,
    "one_more_fc": 1,
    "first_conv": 4,
    "residual": 4,
    "pooling_type": "inception",
    "conv_kernel_size": 3,
    "res_conv_kernel_size": 3,
}
SMALL = {**BEST, "conv_hiddn_units_mult": 0.1, "fc_units_1_mult": 0.02, "nb_conv_pool_layers": 2, "residual": 1}


@pytest.mark.parametrize(("point", "params", "macs"), [(BEST, 7_061_116, 234_632_736), (LARGE, 5_742_401, 242_200_784)])
def test_parameters_and_macs_of_the_reference(point, params, macs):
    blueprint = network(point, (32, 32, 3), CLASSES)
    assert (blueprint.params, blueprint.macs) == (params, macs)


def test_heads_are_named_in_order():
    blueprint = network(BEST, (32, 32, 3), CLASSES)
    assert {head: node.shape for head, node in blueprint.heads.items()} == {"fine": (100,), "coarse": (20,)}
    assert list(network(BEST, (8, 8, 1), {"label": 10}).heads) == ["label"]


@pytest.mark.parametrize("pooling", ["max", "avg", "all_conv", "inception"])
@pytest.mark.parametrize("use_bn", [False, True])
def test_each_stage_halves_the_image(pooling, use_bn):
    point = {**BEST, "pooling_type": pooling, "use_BN": use_bn, "nb_conv_pool_layers": 2}
    shapes = [shape[:2] for shape in network(point, (32, 32, 3), CLASSES).output_shapes.values() if len(shape) == 3]
    assert list(dict.fromkeys(shapes)) == [(32, 32), (16, 16), (8, 8)]


def test_pooled_head_is_independent_of_the_image_size():
    sizes = [network({**BEST, "use_global_pooling": True}, (side, side, 3), CLASSES).params for side in (32, 64, 128)]
    assert sizes[0] == sizes[1] == sizes[2] < network(BEST, (32, 32, 3), CLASSES).params


def test_earlier_reference_is_the_flattened_network():
    earlier = next(load_earlier_references())
    for point in (BEST, LARGE):
        blueprint = network({**point, "use_global_pooling": False}, (32, 32, 3), CLASSES)
        assert earlier.network(point, (32, 32, 3), CLASSES).hash == blueprint.hash


def test_too_small_images_are_invalid():
    with pytest.raises(InvalidArchitecture, match="AveragePooling2D"):
        network(BEST, (4, 4, 1), {"label": 10})


def test_every_kernel_has_activation_initialiser_and_penalty():
    point = {**BEST, "activation": "selu", "kernel_initializer": "lecun_normal"}
    layers = network(point, (32, 32, 3), CLASSES).layers
    kernels = [layer for layer in layers if layer.kind in ("Conv2D", "Dense")]
    assert {layer.kernel_initializer for layer in kernels} == {"lecun_normal"}
    assert {layer.kernel_regularizer for layer in kernels} == {0.0007 * point["l2_weight_reg_mult"]}
    assert {layer.activation for layer in kernels} == {"selu", "linear", "softmax"}
    default = network(BEST, (32, 32, 3), CLASSES).layers[1]
    assert default.kernel_initializer == "glorot_uniform"


def test_residual_blocks_start_at_their_stage():
    def sums(start):
        point = {**BEST, "conv_pool_res_start_idx": start}
        return sum(layer.kind == "Add" for layer in network(point, (32, 32, 3), CLASSES).layers)

    assert [sums(start) for start in (0.0, 1.0, 2.0)] == [9, 6, 3]


@pytest.mark.slow
def test_every_draw_of_the_space_is_a_valid_network():
    for seed in range(300):
        point = sample(space, rng=np.random.default_rng(seed))
        blueprint = network(point, (32, 32, 3), CLASSES)
        assert blueprint.params > 0
        assert training(point).batch_size in range(100, 701)


def test_training_settings():
    settings = training(BEST)
    assert settings.optimizer == "Nadam"
    assert settings.learning_rate == pytest.approx(0.0006549347353077412)
    assert settings.batch_size == 320
    assert isinstance(settings.batch_size, int)
    assert settings.loss_weights == {"coarse": BEST["coarse_labels_weight"]}


def test_unknown_pooling_is_an_error():
    with pytest.raises(ValueError, match="pooling_type 'min' is unknown"):
        network({**BEST, "pooling_type": "min"}, (32, 32, 3), CLASSES)


@pytest.mark.slow
def test_keras_has_the_same_number_of_parameters():
    assert network(LARGE, (32, 32, 3), CLASSES).to_keras().count_params() == 5_742_401


@pytest.mark.slow
@pytest.mark.parametrize("classes", [{"label": 3}, {"fine": 4, "coarse": 2}])
def test_build_model_returns_a_trainable_model(classes):
    model = build_model(SMALL, (8, 8, 1), classes)
    images = np.zeros((6, 8, 8, 1), "float32")
    labels = {head: np.arange(6) % n for head, n in classes.items()}
    history = model.fit(images, labels, verbose=0).history
    assert np.isfinite(history["loss"]).all()
    assert type(model.optimizer).__name__ == "Nadam"


@pytest.mark.slow
def test_build_and_train_reports_epochs_to_the_run():
    epochs = []
    job = Job(3, SMALL, FromScratch(), 1, TrainingOptions(seed=2))
    run = TrainingRequest(job, lambda report: not epochs.append((report.trial, report.epoch)))
    record = build_and_train(SMALL, load(DataSpec("digits")), epochs=1, run=run)
    assert epochs == [(3, 1)]
    assert (record["status"], record["epochs"], record["seed"]) == ("ok", 1, 2)
