"""The space over pretrained backbones, with the facts of a backbone that is no file."""

import numpy as np
import pytest

from metaopt.backbones import BackboneFacts, Cut
from metaopt.blueprint import InvalidArchitecture
from metaopt.errors import UserError
from metaopt.guard.problem_check import DataKind, check_problem
from metaopt.problems.loading import load_problem
from metaopt.spaces import compile_space
from metaopt.zoo import transfer

POINT = {**transfer.backbone_default(["base.keras"])[0], "tuning": {"share": 0.4, "learning_rate": 1e-4}}


def read_facts(source: str, size: tuple[int, int]) -> BackboneFacts:
    side = size[0]
    cuts = (
        Cut("stem", (side // 2, side // 2, 8), 100, 3000, 40, 30),
        Cut("middle", (side // 8, side // 8, 16), 700, 5000, 240, 200),
        Cut("top", (side // 32, side // 32, 32), 1000, 6000, 840, 800),
    )
    return BackboneFacts(source, "d", size, cuts)


@pytest.fixture(autouse=True)
def _facts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transfer, "read_facts", read_facts)


def test_a_network_resizes_images_and_tunes_a_part_of_the_backbone() -> None:
    network = transfer.network(POINT, (32, 32, 3), {"label": 5})
    kinds = [node.layer.kind for node in network.nodes]
    assert kinds == [
        *("InputLayer", "Rescaling", "Resizing", "Backbone", "Backbone", "GlobalAveragePooling2D", "Dropout", "Dense")
    ]
    assert network.params == 840 + 33 * 5
    assert network.trainable_params == 600 + 33 * 5
    assert network.macs == 1000 + 32 * 5


def test_images_of_the_size_are_not_resized_and_grey_ones_get_three_channels() -> None:
    kinds = [node.layer.kind for node in transfer.network(POINT, (96, 96, 1), {"label": 5}).nodes]
    assert "Resizing" not in kinds
    assert kinds[2] == "Concatenate"


def test_images_of_other_channels_are_invalid() -> None:
    with pytest.raises(InvalidArchitecture, match="Expected images of 1 or 3 channels"):
        transfer.network(POINT, (96, 96, 2), {"label": 5})


def test_pixels_reach_the_backbone_as_bytes() -> None:
    rescaling = transfer.network(POINT, (96, 96, 3), {"label": 5}).nodes[1].layer
    assert [value * rescaling.scale + rescaling.offset for value in (-0.5, 0.0, 0.5)] == [0.0, 127.5, 255.0]


def test_every_point_has_a_network_and_a_training() -> None:
    problem = load_problem("transfer").with_backbones(["one.keras", "two.keras"])
    found = check_problem(problem, [DataKind("images", (32, 32, 3), {"label": 5})])
    assert found.faults == []
    space, rng = compile_space(problem.space), np.random.default_rng(0)
    for _ in range(30):
        point = space.point(space.draw(rng))
        assert transfer.network(point, (32, 32, 3), {"label": 5}).params > 840
        training = transfer.training(point)
        assert training.fine_tuning is not None
        assert training.fine_tuning.head_epochs == (transfer.HEAD_EPOCHS if point["tuning"]["share"] else 0)


def test_the_first_points_are_of_the_space_and_of_its_first_backbone() -> None:
    problem = load_problem("transfer").with_backbones(["one.keras", "two.keras"])
    space = compile_space(problem.space)
    for point in problem.default:
        assert point["backbone"] == "one.keras"
        assert space.point(space.vals(point)) == point


def test_other_spaces_have_no_backbones() -> None:
    with pytest.raises(UserError, match="Invalid value for backbones: the networks of photo_cnn have none"):
        load_problem("photo_cnn").with_backbones(["one.keras"])
