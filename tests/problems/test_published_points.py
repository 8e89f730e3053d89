"""Published points of the ready problems."""

import pytest

from metaopt.engine.callbacks import Callback
from metaopt.engine.outside_knowledge import find_knowledge
from metaopt.errors import UserError
from metaopt.problems.loading import load_problem
from metaopt.problems.published_points import published_point
from metaopt.storage.state import StudyState
from metaopt.zoo import wide_resnet

NAMES = ("flower_cnn", "flower_cnn_published", "wide_resnet")


@pytest.mark.parametrize("name", NAMES)
def test_a_published_point_is_in_its_space(name: str) -> None:
    (event,) = find_knowledge(load_problem(name), [], StudyState(), Callback(), published=True)
    assert event["source"] == "published"
    assert len(event["points"]) == 1


def test_wide_resnet_has_the_params_of_wrn_16_4() -> None:
    blueprint = wide_resnet.network(published_point("wide_resnet"), (32, 32, 3), {"label": 10})
    assert blueprint.params == pytest.approx(2_750_000, rel=0.01)  # Zagoruyko & Komodakis 2016, table 5: 2.7M


def test_a_space_without_a_published_point_is_refused() -> None:
    expected = "The space photo_cnn has no published point. Expected flower_cnn, flower_cnn_published or wide_resnet."
    with pytest.raises(UserError, match=expected):
        find_knowledge(load_problem("photo_cnn"), [], StudyState(), Callback(), published=True)


def test_only_a_new_study_is_told_the_published_point() -> None:
    assert find_knowledge(load_problem("wide_resnet"), [], StudyState(), Callback()) == []
