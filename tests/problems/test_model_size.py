"""Predicted sizes of exported models."""

import numpy as np
import pytest

from metaopt.blueprint import Blueprint, Conv2D, Dense, Flatten, Input
from metaopt.problems.model_size import TOLERANCE, predict_model_bytes, smallest_model_bytes


def make_network(filters: int) -> Blueprint:
    inputs = Input((8, 8, 1))
    return Blueprint(inputs, Dense(3)(Flatten()(Conv2D(filters, 3)(inputs))))


def test_prediction_grows_by_four_bytes_a_parameter() -> None:
    small, large = make_network(4), make_network(40)
    assert predict_model_bytes(large) - predict_model_bytes(small) == 4 * (large.params - small.params)


def test_lower_bound_allows_the_tolerance_beside_the_weights() -> None:
    network = make_network(4)
    weights = 4 * network.params
    beside = predict_model_bytes(network) - weights
    assert smallest_model_bytes(network) - weights == pytest.approx((1 - TOLERANCE) * beside, abs=1)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["cnn", "flower_cnn", "conv_stack", "autoencoder"])
def test_prediction_is_near_the_size_of_the_file(name, tmp_path) -> None:
    from metaopt.problems.loading import load_problem
    from metaopt.spaces import compile_space
    from metaopt.training import backend
    from metaopt.training.export import export_model, save_model
    from metaopt.training.model_file import ModelMetadata

    problem, rng = load_problem(name), np.random.default_rng(3)
    space, shape = compile_space(problem.space), (32, 32, 3)
    for _ in range(20):
        try:
            blueprint = problem.blueprint(space.point(space.draw(rng)), shape, {"label": 10})
        except ValueError:
            continue
        if blueprint.params < 500_000 and len(blueprint.nodes) < 40:
            break
    metadata = ModelMetadata({"label": list("0123456789")}, shape)
    with backend.clean_session():
        network = blueprint.to_keras(inference=True)
        exported = export_model([network], metadata, np.zeros((1, *shape), np.uint8))
        save_model(exported, metadata, tmp_path / "model.keras")
    size = (tmp_path / "model.keras").stat().st_size
    assert smallest_model_bytes(blueprint) <= size
    weights = 4 * blueprint.params
    assert predict_model_bytes(blueprint) - weights == pytest.approx(size - weights, rel=TOLERANCE)
