"""Shake-shake and shake-drop: shapes without Keras; numbers, gradients and inference of the Keras layers."""

import numpy as np
import pytest

from metaopt.blueprint import Add, Blueprint, Conv2D, Input, InvalidArchitecture, ShakeDrop, ShakeShake, layer_kinds

IMAGES = 20_000


def test_shake_shake_takes_branches_of_one_shape() -> None:
    x = Input((4, 4, 2))
    branches = [Conv2D(3, 1)(x), Conv2D(3, 3, padding="same")(x)]
    assert ShakeShake()(branches).shape == (4, 4, 3)
    for wrong in (branches[:1], [*branches, x]):
        with pytest.raises(InvalidArchitecture):
            ShakeShake()(wrong)
    reordered = Blueprint(x, ShakeShake()(branches[::-1]))
    assert reordered.hash == Blueprint(x, ShakeShake()(branches)).hash != Blueprint(x, Add()(branches)).hash
    assert (reordered.params, reordered.macs) == (2 * 3 + 3 + 9 * 2 * 3 + 3, 16 * 10 * 2 * 3)


@pytest.mark.parametrize("rate", [-0.1, 1.1, "half", None])
def test_a_rate_of_shake_drop_is_a_probability(rate) -> None:
    with pytest.raises(InvalidArchitecture, match="rate"):
        ShakeDrop(rate)


def test_the_rate_counts_in_the_hash() -> None:
    x = Input((4, 4, 2))
    hashes = {Blueprint(x, ShakeDrop(rate)(x)).hash for rate in (0.2, 0.5, np.float64(0.5))}
    assert len(hashes) == 2


def keras_layers():
    import keras

    from metaopt.blueprint.to_keras_shaking import shaking_layers

    return keras, shaking_layers(keras)


def numbers(tensor) -> np.ndarray:
    import keras

    return keras.ops.convert_to_numpy(tensor)


def steps(shake, *values: float, count: int = 200) -> tuple[np.ndarray, np.ndarray]:
    """Steps of training on one image, whose branches have these values.

    Returns:
        The outputs ``(count,)``, and their derivatives by each branch ``(count, branches)``: what SGD with a rate of 1
        takes off weights that are multiplied by 1.
    """
    import keras

    image = keras.Input((1,))
    branches = [keras.layers.Dense(1, use_bias=False) for _ in values]
    outputs = [branch(image) for branch in branches]
    model = keras.Model(image, shake(outputs if len(values) > 1 else outputs[0]))
    model.compile(keras.optimizers.SGD(1.0), loss=lambda _, answer: keras.ops.sum(answer))
    one = np.ones((1, 1), np.float32)
    losses, derivatives = [], []
    for _ in range(count):
        model.set_weights([np.full((1, 1), value) for value in values])
        losses.append(float(model.train_on_batch(one, one)))
        derivatives.append(np.array(values) - [weight.item() for weight in model.get_weights()])
    keras.utils.clear_session()
    return np.array(losses), np.array(derivatives)


def test_both_are_exported() -> None:
    assert {"ShakeShake", "ShakeDrop"} <= set(layer_kinds())


@pytest.mark.slow
@pytest.mark.parametrize("count", [2, 3, 5])
def test_shake_shake_forward_is_a_random_mean_for_each_image(count: int) -> None:
    keras, made = keras_layers()
    layer = made.ShakeShake(seed=1)
    # Branch i is 1 in channel i alone, so that the channels of the output are the shares.
    branches = [np.zeros((IMAGES, 1, 2, count), np.float32) for _ in range(count)]
    for channel, branch in enumerate(branches):
        branch[..., channel] = 1
    shares = numbers(layer([keras.ops.convert_to_tensor(branch) for branch in branches], training=True))
    assert (shares[:, 0, 0] == shares[:, 0, 1]).all()  # one number for a whole image
    shares = shares[:, 0, 0]
    assert (shares > -1e-6).all()
    np.testing.assert_allclose(shares.sum(axis=1), 1, atol=1e-5)
    # Uniform over such shares (Dirichlet(1, …, 1)): each is beta distributed, with this variance.
    np.testing.assert_allclose(shares.mean(axis=0), 1 / count, atol=0.01)
    np.testing.assert_allclose(shares.var(axis=0), (count - 1) / (count**2 * (count + 1)), rtol=0.05)
    if count == 2:  # uniform in [0, 1]
        np.testing.assert_allclose(np.quantile(shares[:, 0], [0.1, 0.25, 0.5, 0.9]), [0.1, 0.25, 0.5, 0.9], atol=0.015)
    rest = numbers(layer([keras.ops.convert_to_tensor(branch) for branch in branches]))
    np.testing.assert_allclose(rest, 1 / count, rtol=1e-6)


@pytest.mark.slow
def test_shake_drop_forward_disturbs_some_images() -> None:
    keras, made = keras_layers()
    layer = made.ShakeDrop(0.3, seed=1)
    images = keras.ops.ones((IMAGES, 2, 1, 3))
    factors = numbers(layer(images, training=True))
    assert (factors == factors[:, :1, :, :1]).all()
    factors = factors[:, 0, 0, 0]
    disturbed = factors[factors != 1]
    assert len(disturbed) / IMAGES == pytest.approx(0.3, abs=0.01)
    np.testing.assert_allclose(np.quantile(disturbed, [0, 0.25, 0.5, 0.75, 1]), [-1, -0.5, 0, 0.5, 1], atol=0.04)
    np.testing.assert_allclose(numbers(layer(images)), 0.7, rtol=1e-6)
    assert factors.mean() == pytest.approx(0.7, abs=0.01)  # what inference has is the expectation


@pytest.mark.slow
def test_shares_backward_are_drawn_apart_from_those_forward() -> None:
    """The output is the first branch's share, as the other branches are 0."""
    keras, made = keras_layers()
    keras.utils.set_random_seed(1)
    for rest in ((0,), (0, 0)):
        forward, backward = steps(made.ShakeShake(), 1, *rest)
        mean, deviation = (0.5, 12**-0.5) if len(rest) == 1 else (1 / 3, 18**-0.5)
        np.testing.assert_allclose(backward.sum(axis=1), 1, atol=1e-5)
        for shares in (forward, *backward.T):
            assert ((shares > -1e-6) & (shares < 1 + 1e-6)).all()
            assert shares.mean() == pytest.approx(mean, abs=0.07)
            assert shares.std() == pytest.approx(deviation, abs=0.04)
        assert abs(np.corrcoef(forward, backward[:, 0])[0, 1]) < 0.2


@pytest.mark.slow
def test_shake_drop_backward_has_a_number_of_its_own_where_it_disturbs() -> None:
    keras, made = keras_layers()
    keras.utils.set_random_seed(2)
    forward, backward = steps(made.ShakeDrop(0.6), 1)
    disturbed = forward != 1
    assert 0.5 < disturbed.mean() < 0.7
    backward = backward[:, 0]
    assert (backward[~disturbed] == 1).all()
    forward, backward = forward[disturbed], backward[disturbed]
    assert ((forward >= -1) & (forward < 1)).all()
    assert ((backward >= 0) & (backward < 1)).all()
    assert forward.mean() == pytest.approx(0, abs=0.15)
    assert forward.std() == pytest.approx(3**-0.5, abs=0.08)
    assert backward.mean() == pytest.approx(0.5, abs=0.08)
    assert backward.std() == pytest.approx(12**-0.5, abs=0.04)
    assert abs(np.corrcoef(forward, backward)[0, 1]) < 0.25


@pytest.mark.slow
def test_the_state_of_the_seed_decides_what_is_drawn() -> None:
    keras, made = keras_layers()
    for layer in (made.ShakeDrop(0.5), made.ShakeShake()):
        x = keras.ops.convert_to_tensor(np.random.default_rng(0).normal(size=(50, 2, 2, 1)).astype(np.float32))
        y = x if isinstance(layer, made.ShakeDrop) else [x, -x]
        drawn = []
        for seed in (3, 3, 4):
            layer.seed_generator.state.assign([seed, 0])
            drawn.append(numbers(layer(y, training=True)))
        assert (drawn[0] == drawn[1]).all()
        assert (drawn[0] != drawn[2]).any()


@pytest.mark.slow
def test_at_inference_there_are_layers_of_keras_alone_with_the_same_answers() -> None:
    import keras

    x = inputs = Input((6, 6, 2))
    branches = [Conv2D(4, 3, padding="same")(x) for _ in range(3)]
    x = ShakeDrop(0.4)(ShakeShake()(branches))
    network = Blueprint(inputs, {"label": Conv2D(2, 6)(x)})
    trained, handed_out = network.to_keras(), network.to_keras(inference=True)
    handed_out.set_weights(trained.get_weights())
    assert all(type(layer).__module__.startswith("keras.") for layer in handed_out.layers)
    assert not all(type(layer).__module__.startswith("keras.") for layer in trained.layers)
    images = np.random.default_rng(0).normal(size=(5, 6, 6, 2)).astype(np.float32)
    np.testing.assert_allclose(
        trained.predict_on_batch(images)["label"], handed_out.predict_on_batch(images)["label"], rtol=1e-4, atol=1e-6
    )
    keras.utils.clear_session()
