"""Problem file of the compatibility fixtures that gives compiled Keras models; it must never change."""

from hyperopt import hp

space = {"layers": hp.uniformint("layers", 1, 5), "filters": hp.uniformint("filters", 2, 6)}


def build_model(point, input_shape, classes):
    import keras

    model = keras.Sequential([keras.Input(input_shape)])
    for _ in range(point["layers"]):
        model.add(keras.layers.Conv2D(point["filters"], 3, activation="relu"))
    model.add(keras.layers.Flatten())
    model.add(keras.layers.Dense(classes["label"], activation="softmax"))
    model.compile(keras.optimizers.Adam(0.003), "sparse_categorical_crossentropy")
    return model
