"""Shake-Shake and ShakeDrop as Keras layers: outputs, gradients, seeds and inference."""

import numpy as np
import pytest

from metaopt.blueprint import Blueprint, Conv2D, Input, ShakeDrop, ShakeShake

pytestmark = pytest.mark.slow

IMAGES = 20_000


def import_layers():
    import keras

    from metaopt.blueprint.to_keras_shake_regularization import make_shake_layers

    return keras, make_shake_layers(keras)


def to_numpy(tensor) -> np.ndarray:
    import keras

    return keras.ops.convert_to_numpy(tensor)


def train_steps(layer, *values: float, count: int = 200) -> tuple[np.ndarray, np.ndarray]:
    """Train on one image whose branches have the given values.

    Returns:
        The outputs ``(count,)``, and their derivatives by each branch ``(count, branches)``: the steps of SGD with a
        learning rate of 1 on weights that are multiplied by 1.
    """
    import keras

    image = keras.Input((1,))
    branches = [keras.layers.Dense(1, use_bias=False) for _ in values]
    outputs = [branch(image) for branch in branches]
    model = keras.Model(image, layer(outputs if len(values) > 1 else outputs[0]))
    model.compile(keras.optimizers.SGD(1.0), loss=lambda _, answer: keras.ops.sum(answer))
    one = np.ones((1, 1), np.float32)
    losses, derivatives = [], []
    for _ in range(count):
        model.set_weights([np.full((1, 1), value) for value in values])
        losses.append(float(model.train_on_batch(one, one)))
        derivatives.append(np.array(values) - [weight.item() for weight in model.get_weights()])
    keras.utils.clear_session()
    return np.array(losses), np.array(derivatives)


@pytest.mark.parametrize("count", [2, 3, 5])
def test_shake_shake_forward_is_a_random_mean(count: int) -> None:
    keras, shake = import_layers()
    layer = shake.ShakeShake(seed=1)
    # Branch i is 1 only in channel i, so the channels of the output are the weights.
    branches = [np.zeros((IMAGES, 1, 2, count), np.float32) for _ in range(count)]
    for channel, branch in enumerate(branches):
        branch[..., channel] = 1
    weights = to_numpy(layer([keras.ops.convert_to_tensor(branch) for branch in branches], training=True))
    assert (weights[:, 0, 0] == weights[:, 0, 1]).all()  # one weight for the whole image
    weights = weights[:, 0, 0]
    assert (weights > -1e-6).all()
    np.testing.assert_allclose(weights.sum(axis=1), 1, atol=1e-5)
    # Uniform over weights with sum 1 (Dirichlet(1, …, 1)): each has a beta distribution with this variance.
    np.testing.assert_allclose(weights.mean(axis=0), 1 / count, atol=0.01)
    np.testing.assert_allclose(weights.var(axis=0), (count - 1) / (count**2 * (count + 1)), rtol=0.05)
    if count == 2:  # uniform in [0, 1]
        np.testing.assert_allclose(np.quantile(weights[:, 0], [0.1, 0.25, 0.5, 0.9]), [0.1, 0.25, 0.5, 0.9], atol=0.015)
    rest = to_numpy(layer([keras.ops.convert_to_tensor(branch) for branch in branches]))
    np.testing.assert_allclose(rest, 1 / count, rtol=1e-6)


def test_shake_drop_forward_scales_some_images() -> None:
    keras, shake = import_layers()
    layer = shake.ShakeDrop(0.3, seed=1)
    images = keras.ops.ones((IMAGES, 2, 1, 3))
    factors = to_numpy(layer(images, training=True))
    assert (factors == factors[:, :1, :, :1]).all()
    factors = factors[:, 0, 0, 0]
    scaled = factors[factors != 1]
    assert len(scaled) / IMAGES == pytest.approx(0.3, abs=0.01)
    np.testing.assert_allclose(np.quantile(scaled, [0, 0.25, 0.5, 0.75, 1]), [-1, -0.5, 0, 0.5, 1], atol=0.04)
    np.testing.assert_allclose(to_numpy(layer(images)), 0.7, rtol=1e-6)
    assert factors.mean() == pytest.approx(0.7, abs=0.01)  # inference uses the expectation


def test_shake_shake_draws_separate_backward_weights() -> None:
    """The other branches are 0, so the output is the weight of the first branch."""
    keras, shake = import_layers()
    keras.utils.set_random_seed(1)
    for rest in ((0,), (0, 0)):
        forward, backward = train_steps(shake.ShakeShake(), 1, *rest)
        mean, deviation = (0.5, 12**-0.5) if len(rest) == 1 else (1 / 3, 18**-0.5)
        np.testing.assert_allclose(backward.sum(axis=1), 1, atol=1e-5)
        for weights in (forward, *backward.T):
            assert ((weights > -1e-6) & (weights < 1 + 1e-6)).all()
            assert weights.mean() == pytest.approx(mean, abs=0.07)
            assert weights.std() == pytest.approx(deviation, abs=0.04)
        assert abs(np.corrcoef(forward, backward[:, 0])[0, 1]) < 0.2


def test_shake_drop_draws_separate_backward_factors() -> None:
    keras, shake = import_layers()
    keras.utils.set_random_seed(2)
    forward, backward = train_steps(shake.ShakeDrop(0.6), 1)
    scaled = forward != 1
    assert 0.5 < scaled.mean() < 0.7
    backward = backward[:, 0]
    assert (backward[~scaled] == 1).all()
    forward, backward = forward[scaled], backward[scaled]
    assert ((forward >= -1) & (forward < 1)).all()
    assert ((backward >= 0) & (backward < 1)).all()
    assert forward.mean() == pytest.approx(0, abs=0.15)
    assert forward.std() == pytest.approx(3**-0.5, abs=0.08)
    assert backward.mean() == pytest.approx(0.5, abs=0.08)
    assert backward.std() == pytest.approx(12**-0.5, abs=0.04)
    assert abs(np.corrcoef(forward, backward)[0, 1]) < 0.25


def test_seed_state_determines_the_draws() -> None:
    keras, shake = import_layers()
    for layer in (shake.ShakeDrop(0.5), shake.ShakeShake()):
        x = keras.ops.convert_to_tensor(np.random.default_rng(0).normal(size=(50, 2, 2, 1)).astype(np.float32))
        y = x if isinstance(layer, shake.ShakeDrop) else [x, -x]
        drawn = []
        for seed in (3, 3, 4):
            layer.seed_generator.state.assign([seed, 0])
            drawn.append(to_numpy(layer(y, training=True)))
        assert (drawn[0] == drawn[1]).all()
        assert (drawn[0] != drawn[2]).any()


def test_inference_model_has_built_in_layers_and_same_outputs() -> None:
    import keras

    x = inputs = Input((6, 6, 2))
    branches = [Conv2D(4, 3, padding="same")(x) for _ in range(3)]
    x = ShakeDrop(0.4)(ShakeShake()(branches))
    network = Blueprint(inputs, {"label": Conv2D(2, 6)(x)})
    trained, exported = network.to_keras(), network.to_keras(inference=True)
    exported.set_weights(trained.get_weights())
    assert all(type(layer).__module__.startswith("keras.") for layer in exported.layers)
    assert not all(type(layer).__module__.startswith("keras.") for layer in trained.layers)
    images = np.random.default_rng(0).normal(size=(5, 6, 6, 2)).astype(np.float32)
    np.testing.assert_allclose(
        trained.predict_on_batch(images)["label"], exported.predict_on_batch(images)["label"], rtol=1e-4, atol=1e-6
    )
    keras.utils.clear_session()
