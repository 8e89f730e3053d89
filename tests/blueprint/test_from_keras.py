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
    assert set(counts.unknown) == {"Own"}
    attention = 3 * 8 * 8 * 8 + 2 * 2 * 8 * 8 * 4 + 8 * 8 * 8  # projections, scores and sums, output
    assert counts.macs == attention + 8 * 8 * 2


def test_unbuilt_model_is_rejected(layers):
    import keras

    with pytest.raises(ValueError, match="is not built"):
        count_keras(keras.Sequential([layers.Dense(2)]))


def count_layer(make, *shapes):
    """Multiply-accumulates of a layer in a functional and in a subclassed model; both must agree."""
    import keras

    layer = make(keras.layers)
    inputs = [keras.Input(shape) for shape in shapes]
    counts = count_keras(keras.Model(inputs, layer(*inputs)))
    assert counts.unknown == ()
    if len(inputs) == 1:

        class Mine(keras.Model):
            def __init__(self):
                super().__init__()
                self.inner = layer

            def call(self, x):
                return self.inner(x)

        model = Mine()
        model(np.zeros((1, *(size or 1 for size in shapes[0])), "float32"))
        assert (count_keras(model).macs, count_keras(model).unknown) == (counts.macs, ())
    return counts.macs


@pytest.mark.parametrize(
    ("make", "shape", "macs"),
    [
        (lambda all: all.EinsumDense("abc,cde->abde", output_shape=(None, 2, 3)), (7, 5), 7 * 5 * 2 * 3),
        (lambda all: all.EinsumDense("...x,xy->...y", output_shape=4), (7, 6, 5), 7 * 6 * 5 * 4),
        (lambda all: all.Conv1D(6, 3, groups=2), (10, 4), 8 * 3 * 2 * 6),
        (lambda all: all.Conv3D(2, (1, 2, 3)), (4, 5, 6, 3), 4 * 4 * 4 * (1 * 2 * 3 * 3 * 2)),
        (lambda all: all.Conv1DTranspose(5, 4, strides=2), (10, 3), 10 * 4 * 3 * 5),
        (lambda all: all.Conv3DTranspose(2, 2, strides=2), (3, 3, 3, 4), 27 * 8 * 4 * 2),
        (lambda all: all.DepthwiseConv2D(3, depth_multiplier=2), (8, 8, 5), 36 * 9 * 5 * 2),
        (lambda all: all.SeparableConv2D(7, 3, strides=2), (9, 9, 4), 16 * (9 * 4 + 4 * 7)),
        # Units × (inputs + units), with four gates for an LSTM and three for a GRU, at each of 7 steps.
        (lambda all: all.SimpleRNN(3), (7, 5), 7 * 3 * (5 + 3)),
        (lambda all: all.LSTM(3), (7, 5), 7 * 4 * 3 * (5 + 3)),
        (lambda all: all.GRU(3, return_sequences=True), (7, 5), 7 * 3 * 3 * (5 + 3)),
        (lambda all: all.RNN([all.LSTMCell(2), all.GRUCell(3)]), (7, 5), 7 * (4 * 2 * (5 + 2) + 3 * 3 * (2 + 3))),
        (lambda all: all.Bidirectional(all.LSTM(3)), (7, 5), 2 * 7 * 4 * 3 * (5 + 3)),
        (lambda all: all.TimeDistributed(all.Conv2D(2, 3)), (4, 8, 8, 3), 4 * 36 * 9 * 3 * 2),
        (lambda all: all.ConvLSTM2D(3, 3), (4, 8, 8, 2), 4 * 36 * (9 * 2 * 12 + 9 * 3 * 12)),
        (
            lambda all: all.ConvLSTM1D(3, 3, return_sequences=True, padding="same"),
            (4, 8, 2),
            4 * 8 * (3 * 2 + 3 * 3) * 12,
        ),
        (lambda all: all.PReLU(), (8, 8, 3), 0),
    ],
)
def test_layers_of_keras_have_hand_computed_macs(layers, make, shape, macs):
    assert count_layer(make, shape) == macs


def test_attention_has_hand_computed_macs(layers):
    # Queries 6 × 5 and values 7 × 3; two heads of size 4, values of size 3 in each head.
    projections = 2 * (6 * 5 * 4 + 7 * 3 * 4 + 7 * 3 * 3)
    products, output = 6 * 7 * 2 * (4 + 3), 6 * 2 * 3 * 5
    make = [lambda all: all.MultiHeadAttention(2, 4, value_dim=3)]
    assert count_layer(make[0], (6, 5), (7, 3)) == projections + products + output
    # Four heads of size 8 for queries, two for keys and values.
    grouped = 6 * 5 * 4 * 8 + 2 * 7 * 5 * 2 * 8 + 2 * 6 * 7 * 4 * 8 + 6 * 4 * 8 * 5
    assert count_layer(lambda all: all.GroupQueryAttention(8, 4, 2), (6, 5), (7, 5)) == grouped


def test_products_of_tensors_have_hand_computed_macs(layers):
    import keras

    a, b = keras.Input((6, 5)), keras.Input((7, 5))
    for product, macs in (
        (keras.ops.einsum("abc,adc->abd", a, b), 6 * 5 * 7),
        (keras.ops.matmul(a, keras.ops.transpose(b, (0, 2, 1))), 6 * 5 * 7),
        (layers.Dot(axes=2)([a, b]), 6 * 5 * 7),
        (layers.Attention()([a, b]), 6 * 7 * (5 + 5)),
        (layers.AdditiveAttention()([a, b]), 6 * 7 * (5 + 5)),
    ):
        counts = count_keras(keras.Model([a, b], product))
        assert (counts.macs, counts.unknown) == (macs, ())


def test_convolutions_of_unknown_size_are_not_counted() -> None:
    import keras

    inner = keras.Sequential([keras.Input((None, None, 3)), keras.layers.Conv2D(4, 3), keras.layers.ReLU()])
    images = keras.Input((8, 8, 3))
    counts = count_keras(keras.Model(images, inner(keras.layers.Conv2D(3, 1)(images))))
    assert (counts.macs, counts.unknown) == (8 * 8 * 3 * 3, ("Conv2D of unknown size",))
