"""Facts about backbones, from their cuts: without Keras."""

from dataclasses import replace

import pytest

from metaopt.backbones import BackboneFacts, Cut
from metaopt.backbones.layer import parts
from metaopt.blueprint import Blueprint, Dense, GlobalAveragePooling2D, Input, InvalidArchitecture

CUTS = (
    Cut("stem", (16, 16, 8), 100, 3000, 40, 30),
    Cut("middle", (8, 8, 16), 700, 5000, 240, 200),
    Cut("top", (4, 4, 32), 1000, 6000, 840, 800),
)
FACTS = BackboneFacts("base.keras", "d1", (32, 32), CUTS)


@pytest.mark.parametrize(
    ("share", "name"), [(0.0, "top"), (0.29, "top"), (0.3, "middle"), (0.9, "stem"), (0.95, "stem")]
)
def test_a_backbone_is_cut_where_at_most_the_share_is_left(share: float, name: str) -> None:
    cut = FACTS.before(share)
    assert cut is not None
    assert cut.layer == name


def test_a_share_without_trained_layers_tunes_nothing() -> None:
    pooled = replace(FACTS, cuts=(*CUTS, Cut("pool", (2, 2, 32), 1000, 6100, 840, 800)))
    assert [pooled.before(share).layer for share in (0.0, 0.1, 0.3)] == ["pool", "pool", "middle"]


def test_a_backbone_that_is_tuned_whole_is_not_cut() -> None:
    assert FACTS.before(1.0) is None


@pytest.mark.parametrize("share", [0.0, 0.3, 0.9, 1.0])
def test_parts_together_are_the_whole_backbone(share: float) -> None:
    x = images = Input((32, 32, 3))
    for part in parts(FACTS, share):
        x = part(x)
    network = Blueprint(images, Dense(2)(GlobalAveragePooling2D()(x)))
    assert network.macs == 1000 + 2 * 32
    assert network.params == 840 + 2 * 33
    tuned = {0.0: 0, 0.3: 600, 0.9: 770, 1.0: 800}[share]
    assert network.trainable_params == tuned + 2 * 33


def test_only_tuned_parts_keep_the_outputs_of_their_layers() -> None:
    x = Input((32, 32, 3))
    frozen, tuned = parts(FACTS, 0.3)
    assert frozen.hidden_activations(frozen(x).shape) == 0
    assert tuned.hidden_activations((4, 4, 32)) == 6000 - 5000 - 4 * 4 * 32


def test_a_part_takes_the_map_of_the_part_before_it() -> None:
    _, tuned = parts(FACTS, 0.3)
    with pytest.raises(InvalidArchitecture, match=r"Expected an input of shape \(8, 8, 16\)"):
        tuned(Input((8, 8, 3)))
