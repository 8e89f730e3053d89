from dataclasses import dataclass
from threading import Thread

import pytest

from metaopt.blueprint import (
    Add,
    BatchNormalization,
    Conv2D,
    Dense,
    Flatten,
    Input,
    InvalidArchitecture,
    Layer,
    MaxPooling2D,
    layer_kinds,
    observe_layers,
    register_layer,
)
from metaopt.blueprint.layer import LayerClass


def test_empty_output_error_names_layer_and_input():
    x = MaxPooling2D(2)(MaxPooling2D(2)(Input((4, 4, 3))))
    with pytest.raises(InvalidArchitecture) as caught:
        MaxPooling2D(2)(x)
    assert (caught.value.kind, caught.value.input_shape) == ("MaxPooling2D", (1, 1, 3))
    assert "would be empty" in str(caught.value)


def test_image_layer_rejects_flat_input():
    with pytest.raises(InvalidArchitecture, match="Expected an input with 3 axes, got 1"):
        Conv2D(4, 1)(Flatten()(Input((4, 4, 3))))


def test_shared_layer_accepts_only_inputs_that_fit_its_weights():
    inputs = Input((8, 8, 3))
    conv, norm = Conv2D(4, 3, padding="same"), BatchNormalization()
    assert conv(inputs).shape == (8, 8, 4)
    assert conv(MaxPooling2D(2)(inputs)).shape == (4, 4, 4)
    with pytest.raises(InvalidArchitecture, match="shared weights of this layer were created for input shape"):
        conv(Conv2D(5, 1)(inputs))
    norm(inputs)
    with pytest.raises(InvalidArchitecture, match="shared weights"):
        norm(Dense(3)(Flatten()(inputs)))


def test_shared_layer_without_weights_accepts_any_input():
    inputs, pool = Input((8, 8, 3)), MaxPooling2D(2)
    assert pool(pool(inputs)).shape == (2, 2, 3)
    assert pool(Conv2D(5, 1)(inputs)).shape == (4, 4, 5)


def test_only_merging_layers_accept_several_inputs():
    a, b = Input((4, 4, 3)), Input((4, 4, 3))
    assert Dense(2)([a]).shape == (4, 4, 2)
    with pytest.raises(InvalidArchitecture, match="Expected one input, got 2"):
        Dense(2)([a, b])
    assert Add()(a).shape == a.shape
    for nothing in (None, [], [a, None], (4, 4, 3)):
        with pytest.raises(TypeError, match="Expected the output of a layer"):
            Add()(nothing)


def test_second_class_of_the_same_name_is_rejected():
    with pytest.raises(ValueError, match="already registered"):

        @register_layer
        @dataclass(slots=True, eq=False)
        class Dense(Layer):
            pass

    assert layer_kinds()["Conv2D"] is Conv2D


def test_class_may_be_defined_again():
    def make():
        @register_layer
        @dataclass(slots=True, eq=False)
        class Reread(Layer):
            pass

        return Reread

    make()
    assert make() is layer_kinds()["Reread"]


def record_arguments(seen):
    """Return an observer that records layers and their arguments."""

    def observer(make, arguments):
        layer = make(**arguments)
        seen.append((layer, dict(arguments)))
        return layer

    return observer


def test_observer_sees_arguments_as_they_were_given():
    seen = []
    with observe_layers(record_arguments(seen)):
        conv = Conv2D(4, [3, 3], padding="same")
        dense = Dense(units=2.0)
    assert seen == [(conv, {"filters": 4, "kernel_size": [3, 3], "padding": "same"}), (dense, {"units": 2.0})]
    assert (conv.kernel_size, dense.units) == ((3, 3), 2)


def test_observer_may_change_arguments():
    with observe_layers(lambda make, arguments: make(**{**arguments, "units": 7})):
        assert Dense(2).units == 7


def test_layers_are_not_observed_afterwards():
    seen = []
    with pytest.raises(RuntimeError), observe_layers(record_arguments(seen)):
        raise RuntimeError
    Dense(2)
    assert seen == []
    assert "__call__" not in vars(LayerClass)  # making a layer costs as little as before


def test_inner_observer_replaces_the_outer_one():
    outer, inner = [], []
    with observe_layers(record_arguments(outer)):
        with observe_layers(record_arguments(inner)):
            Dense(1)
        Dense(2)
    assert [arguments for _, arguments in outer] == [{"units": 2}]
    assert [arguments for _, arguments in inner] == [{"units": 1}]


def test_other_threads_are_not_observed():
    seen, errors = [], []

    def other():
        try:
            MaxPooling2D(5)(Input((4, 4, 1)))
        except InvalidArchitecture as error:
            errors.append(error)

    with observe_layers(record_arguments(seen), empty_outputs=9):
        thread = Thread(target=other)
        thread.start()
        thread.join()
        Dense(2)
    assert [arguments for _, arguments in seen] == [{"units": 2}]
    assert len(errors) == 1


def test_observed_networks_may_have_some_empty_outputs():
    with observe_layers(record_arguments([]), empty_outputs=2):
        x = MaxPooling2D(5)(Input((4, 4, 3)))
        assert x.shape == (1, 1, 3)
        x = MaxPooling2D(2)(x)
        with pytest.raises(InvalidArchitecture):
            MaxPooling2D(2)(x)
    with pytest.raises(InvalidArchitecture):
        MaxPooling2D(5)(Input((4, 4, 3)))
