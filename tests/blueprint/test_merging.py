import pytest

from metaopt.blueprint import Add, Concatenate, Flatten, Input, InvalidArchitecture


def nodes(*shapes):
    return [Input(shape) for shape in shapes]


def test_add_output_shapes():
    assert Add()(nodes((4, 4, 3), (4, 4, 3), (4, 4, 3))).shape == (4, 4, 3)
    # As Keras does: an axis of 1 is repeated.
    assert Add()(nodes((1, 1, 3), (4, 5, 1))).shape == (4, 5, 3)


@pytest.mark.parametrize("shapes", [((4, 4, 3), (4, 4, 2)), ((4, 4, 3), (2, 2, 3)), ((4, 4, 3), (3,))])
def test_add_rejects_different_shapes(shapes):
    with pytest.raises(InvalidArchitecture) as caught:
        Add()(nodes(*shapes))
    assert (caught.value.kind, caught.value.input_shape) == ("Add", shapes)


def test_concatenate_output_shapes():
    assert Concatenate()(nodes((4, 4, 3), (4, 4, 2))).shape == (4, 4, 5)
    assert Concatenate(axis=1)(nodes((4, 4, 3), (2, 4, 3))).shape == (6, 4, 3)
    assert Concatenate(axis=-2)(nodes((4, 4, 3), (4, 1, 3))).shape == (4, 5, 3)
    assert Concatenate()([Flatten()(node) for node in nodes((2, 2, 1), (3, 3, 1))]).shape == (13,)


@pytest.mark.parametrize(
    ("axis", "shapes"), [(-1, ((4, 4, 3), (5, 4, 3))), (-1, ((4, 4, 3), (3,))), (0, ((4, 4, 3),) * 2), (2, ((3,),) * 2)]
)
def test_concatenate_rejects_shapes_that_do_not_fit(axis, shapes):
    with pytest.raises(InvalidArchitecture):
        Concatenate(axis=axis)(nodes(*shapes))
