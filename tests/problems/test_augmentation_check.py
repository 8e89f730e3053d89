import pytest

from metaopt.errors import UserError
from metaopt.problems import Problem, Training
from metaopt.problems.augmentation_check import check_augmentation, check_augmentations
from metaopt.spaces import compile_space
from metaopt.zoo import augmentation

SPACE = {"augmentation": augmentation.space()}
AUGMENTED = Problem(SPACE, training=lambda point: Training(augmentation=augmentation.policy(point["augmentation"])))
MESSAGE = r"is for images, and the data are signals or volumes\. Leave it out of space and training"


@pytest.mark.parametrize("shape", [(100, 2), (8, 8, 8, 1)])
def test_policies_are_refused_for_other_data(shape: tuple[int, ...]) -> None:
    with pytest.raises(UserError, match=MESSAGE):
        check_augmentations(AUGMENTED, compile_space(SPACE), shape)
    check_augmentations(Problem(SPACE, training=lambda point: Training()), compile_space(SPACE), shape)


@pytest.mark.parametrize("shape", [(), (32, 32, 3)])
def test_policies_are_accepted_for_images(shape: tuple[int, ...]) -> None:
    check_augmentations(AUGMENTED, compile_space(SPACE), shape)


def test_trainings_by_hand_are_checked_too() -> None:
    with pytest.raises(UserError, match=MESSAGE):
        check_augmentation(Training(augmentation=augmentation.policy({"flip": 0.5})), holds_images=False)
    check_augmentation(Training(), holds_images=False)
