"""Division of a network into a frozen and a trained part, and the stages of its training: without Keras."""

import pytest

from metaopt.backbones import BackboneFacts, Cut
from metaopt.backbones.layer import Backbone, parts
from metaopt.blueprint import (
    Blueprint,
    Concatenate,
    Conv2D,
    Dense,
    Dropout,
    GlobalAveragePooling2D,
    GlobalMaxPooling2D,
    Input,
    Node,
    Rescaling,
)
from metaopt.errors import UserError
from metaopt.problems.training_config import FineTuning, Training
from metaopt.training.stages.plan import find_stage, make_stages
from metaopt.training.stages.split import split_frozen

FACTS = BackboneFacts(
    "base.keras",
    "d1",
    (32, 32),
    (Cut("middle", (8, 8, 16), 700, 5000, 240, 200), Cut("top", (4, 4, 32), 1000, 6000, 840, 800)),
)
TRAINING = Training(learning_rate=0.01, cutout=4, fine_tuning=FineTuning(head_epochs=3, learning_rate=1e-4, views=2))


def make_network(share: float, pooling: str = "avg", units: int = 0) -> Blueprint:
    images = Input((32, 32, 3))
    x = Rescaling(255.0)(images)
    for part in parts(FACTS, share):
        x = part(x)
    pooled: list[Node] = [GlobalAveragePooling2D()(x)] if "avg" in pooling else []
    pooled += [GlobalMaxPooling2D()(x)] if "max" in pooling else []
    x = Concatenate()(pooled) if len(pooled) > 1 else pooled[0]
    x = Dense(units)(Dropout(0.1)(x)) if units else Dropout(0.1)(x)
    return Blueprint(images, {"label": Dense(5)(x), "other": Dense(2)(x)})


def test_both_parts_together_are_the_network() -> None:
    network = make_network(0.3)
    for is_frozen in (lambda _: True, lambda layer: not layer.is_tuned):
        split = split_frozen(network, is_frozen)
        assert split is not None
        assert split.frozen.macs + split.trained.macs == network.macs
        assert split.frozen.params + split.trained.params == network.params
        assert list(split.trained.heads) == ["label", "other"]
    assert split.trained.trainable_params == network.trainable_params
    assert split.trained.inputs[0].shape == (8, 8, 16)


def test_all_networks_over_one_backbone_share_its_features() -> None:
    splits = [
        split_frozen(make_network(share, pooling, units), lambda _: True)
        for share, pooling, units in [(0.0, "avg", 0), (0.3, "max", 8), (1.0, "avg+max", 0), (0.3, "avg", 0)]
    ]
    assert len({split.frozen.hash for split in splits if split is not None}) == 1
    assert [split.columns for split in splits if split is not None] == [(0, 32), (32, 64), None, (0, 32)]
    assert [split.trained.inputs[0].shape for split in splits if split is not None] == [(32,), (32,), (64,), (32,)]


def test_a_network_without_a_frozen_backbone_is_not_divided() -> None:
    images = Input((32, 32, 3))
    plain = Blueprint(images, Dense(2)(GlobalAveragePooling2D()(Conv2D(4, 3)(images))))
    assert split_frozen(plain, lambda _: True) is None
    assert split_frozen(make_network(1.0), lambda layer: not layer.is_tuned) is None


def test_a_network_with_two_ways_around_its_backbone_is_not_divided() -> None:
    images = Input((32, 32, 3))
    x = parts(FACTS, 0.0)[0](images)
    both = Concatenate()([GlobalAveragePooling2D()(x), GlobalAveragePooling2D()(Conv2D(4, 3)(images))])
    assert split_frozen(Blueprint(images, Dense(2)(both)), lambda _: True) is None


def test_a_training_has_a_stage_for_the_head_and_one_for_the_tuned_part() -> None:
    first, second = make_stages(make_network(0.3), TRAINING, 10)
    assert (first.start, first.end, second.start, second.end) == (0, 3, 3, 10)
    assert (first.training.learning_rate, second.training.learning_rate) == (0.01, 1e-4)
    assert first.split is not None
    assert second.split is not None
    assert not any(isinstance(layer, Backbone) for layer in first.split.trained.layers)
    assert [layer.start for layer in second.split.trained.layers if isinstance(layer, Backbone)] == ["middle"]
    assert first.training.cutout == second.training.cutout == 0  # of features it would mean nothing
    assert first.views == 2


def test_a_network_that_is_tuned_whole_is_trained_on_images_in_its_second_stage() -> None:
    _, second = make_stages(make_network(1.0), TRAINING, 10)
    assert second.split is None
    assert second.training.cutout == 4


def test_a_frozen_network_and_a_short_training_have_one_stage() -> None:
    (frozen,) = make_stages(make_network(0.0), TRAINING, 10)
    assert (frozen.start, frozen.end, frozen.training.learning_rate) == (0, 10, 0.01)
    (short,) = make_stages(make_network(0.3), TRAINING, 3)
    assert (short.start, short.end, short.training.learning_rate) == (0, 3, 0.01)


def test_without_fine_tuning_or_blueprint_a_training_has_one_stage() -> None:
    (plain,) = make_stages(make_network(0.3), Training(cutout=4), 10)
    assert (plain.split, plain.training.cutout) == (None, 4)
    assert len(make_stages(None, TRAINING, 10)) == 1


@pytest.mark.parametrize(("epochs", "number"), [(0, 0), (1, 0), (3, 0), (4, 1), (10, 1), (12, 1)])
def test_a_state_belongs_to_the_stage_that_trained_its_last_epoch(epochs: int, number: int) -> None:
    assert find_stage(make_stages(make_network(0.3), TRAINING, 10), epochs) == number


@pytest.mark.parametrize("values", [(-1, 0.1, 1), (1, float("nan"), 1), (1, 0.1, 0)])
def test_numbers_of_fine_tuning_are_checked(values: tuple[int, float, int]) -> None:
    with pytest.raises(UserError, match="Expected a number >="):
        FineTuning(*values)


def test_fine_tuning_counts_where_trainings_are_compared() -> None:
    assert "fine_tuning" not in Training().to_plain()
    assert TRAINING.to_plain() != Training(learning_rate=0.01, cutout=4).to_plain()
