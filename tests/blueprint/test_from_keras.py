import numpy as np
import pytest

from metaopt.blueprint.from_keras import count_keras

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def layers():
    import keras

    return keras.layers


def test_sequential_model(layers):
    import keras

    model = keras.Sequential(
        [keras.Input((8, 8, 3)), layers.Conv2D(4, 3), layers.BatchNormalization(), layers.Flatten(), layers.Dense(3)]
    )
    counts = count_keras(model)
    assert counts.params == model.count_params() == 112 + 16 + 435
    assert counts.trainable_params == counts.params - 8
    assert counts.macs == 36 * 27 * 4 + 144 * 3
    assert counts.activations == 192 + 144 + 144 + 144 + 3
    assert counts.unknown == ()


def test_nested_models_and_shared_layers(layers):
    import keras

    inner = keras.Sequential([keras.Input((8, 8, 4)), layers.Conv2D(4, 1), layers.ReLU()])
    inputs = keras.Input((8, 8, 4))
    counts = count_keras(keras.Model(inputs, inner(inner(inputs))))
    assert counts.params == 20
    assert counts.macs == 2 * 64 * 16
    assert counts.activations == 5 * 256


def test_transposed_and_separable_convolutions(layers):
    import keras

    inputs = keras.Input((8, 8, 4))
    counts = count_keras(keras.Model(inputs, layers.Conv2DTranspose(2, 3, strides=2)(inputs)))
    assert counts.macs == 64 * 9 * 4 * 2
    inputs = keras.Input((10, 4))
    counts = count_keras(keras.Model(inputs, layers.SeparableConv1D(6, 3, padding="same")(inputs)))
    assert counts.macs == 10 * (3 * 4 + 4 * 6)


def test_subclassed_model_is_counted_and_restored(layers):
    import keras

    class Mine(keras.Model):
        def __init__(self):
            super().__init__()
            self.first, self.again = layers.Conv2D(4, 3, padding="same"), layers.Conv2D(4, 3, padding="same")
            self.block = keras.Sequential([layers.Conv2D(4, 1), layers.ReLU()])
            self.last = layers.Dense(3)

        def call(self, x):
            x = self.again(self.first(x))
            x = self.block(self.again(x) + x)
            return self.last(keras.ops.reshape(x, (-1, 256)))

    model = Mine()
    before = model(np.ones((1, 8, 8, 3), "float32"))
    counts = count_keras(model)
    assert counts.params == model.count_params()
    assert counts.macs == 64 * (27 * 4 + 2 * 36 * 4 + 4 * 4) + 256 * 3
    assert counts.activations == 192 + 5 * 256 + 3
    assert counts.unknown == ()
    # The model is as it was.
    assert all("call" not in vars(layer) for layer in model._flatten_layers())
    assert np.allclose(before, model(np.ones((1, 8, 8, 3), "float32")))


def test_unknown_layers_are_listed_and_count_no_macs(layers):
    import keras

    class Own(keras.layers.Layer):
        def call(self, x):
            return keras.ops.matmul(x, keras.ops.transpose(x, (0, 2, 1)))

    class Renamed(keras.layers.Dense):
        pass

    inputs = keras.Input((8, 8))
    outputs = Renamed(2)(Own()(layers.MultiHeadAttention(2, 4)(inputs, inputs)))
    counts = count_keras(keras.Model(inputs, outputs))
    assert set(counts.unknown) == {"MultiHeadAttention", "Own"}
    assert counts.macs == 8 * 8 * 2


def test_unbuilt_model_is_rejected(layers):
    import keras

    with pytest.raises(ValueError, match="is not built"):
        count_keras(keras.Sequential([layers.Dense(2)]))
