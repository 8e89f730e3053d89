from itertools import pairwise

import pytest

from metaopt.blueprint import (
    Activation,
    Add,
    BatchNormalization,
    Blueprint,
    Concatenate,
    Conv2D,
    Dense,
    Dropout,
    Flatten,
    GlobalAveragePooling2D,
    Input,
)
from metaopt.blueprint.layout import BOX_HEIGHT, BOX_WIDTH, ROWS_PER_COLUMN, fold, lay_out


def conv(**arguments):
    return Conv2D(4, 3, padding="same", **arguments)


def resnet(blocks: int) -> Blueprint:
    x = inputs = Input((8, 8, 3))
    x = conv()(x)
    for _ in range(blocks):
        y = BatchNormalization()(conv()(Activation("relu")(BatchNormalization()(conv()(x)))))
        x = Activation("relu")(Add()([x, y]))
    return Blueprint(inputs, {"label": Dense(3)(GlobalAveragePooling2D()(x))})


def inception() -> Blueprint:
    x = inputs = Input((8, 8, 3))
    for _ in range(3):
        x = Concatenate()([conv()(x), conv()(conv()(x)), conv()(conv()(conv()(x)))])
    return Blueprint(inputs, {"a": Dense(3)(Flatten()(x)), "b": Dense(2)(x)})


def densenet() -> Blueprint:
    inputs = Input((8, 8, 3))
    features = [conv()(inputs)]
    for _ in range(5):
        features.append(conv()(Concatenate()(features)))
    return Blueprint(inputs, features[-1])


def box_titles(blueprint) -> list[list[str]]:
    return [[node.layer.kind for node in box.nodes] for box in fold(blueprint).nodes]


def test_small_layers_are_folded_into_the_box_before():
    x = inputs = Input((8, 8, 3))
    x = Dropout(0.1)(BatchNormalization()(Activation("relu")(conv()(x))))
    blueprint = Blueprint(inputs, Dense(2)(Flatten()(x)))
    folded = ["Conv2D", "Activation", "BatchNormalization", "Dropout", "Flatten"]
    assert box_titles(blueprint) == [["InputLayer"], folded, ["Dense"]]


def test_dropout_of_one_branch_is_folded_into_the_box_after():
    x = inputs = Input((8, 8, 4))
    blueprint = Blueprint(inputs, Add()([conv()(x), conv()(Dropout(0.1)(x))]))
    assert box_titles(blueprint) == [["InputLayer"], ["Conv2D"], ["Dropout", "Conv2D"], ["Add"]]


def test_layer_of_another_head_is_not_folded():
    inputs = Input((4,))
    dense = Dense(3)(inputs)
    blueprint = Blueprint(inputs, {"logits": dense, "label": Activation("softmax")(dense)})
    assert box_titles(blueprint) == [["InputLayer"], ["Dense"], ["Activation"]]


@pytest.mark.parametrize("make", [lambda: resnet(3), lambda: resnet(15), inception, densenet])
def test_boxes_and_edges_do_not_overlap(make):
    layout = lay_out(make())

    boxes = layout.boxes
    for number, box in enumerate(boxes):
        for other in boxes[:number]:
            apart_x = abs(box.x - other.x) >= BOX_WIDTH
            assert apart_x or abs(box.y - other.y) >= BOX_HEIGHT + 0.1
    for edge in layout.edges:
        for (x0, y0), (x1, y1) in pairwise(edge):
            middle_x, middle_y = (x0 + x1) / 2, (y0 + y1) / 2
            for box in boxes:
                inside_x = abs(middle_x - box.x) < BOX_WIDTH / 2 - 0.01
                assert not (inside_x and abs(middle_y - box.y) < BOX_HEIGHT / 2 - 0.01)
    assert all(layout.left <= box.x - BOX_WIDTH / 2 and box.x + BOX_WIDTH / 2 <= layout.right for box in boxes)


def test_long_network_is_split_into_columns():
    layout = lay_out(resnet(15))
    assert max(box.row for box in layout.boxes) > 40
    per_column = {}
    for box in layout.boxes:
        per_column.setdefault(round(box.x), []).append(box)
    assert len(per_column) == 4
    assert max(map(len, per_column.values())) <= ROWS_PER_COLUMN + 2


def test_every_input_has_an_edge():
    blueprint = resnet(6)
    assert len(lay_out(blueprint).edges) == fold(blueprint).number_of_edges()
