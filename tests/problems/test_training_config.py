from dataclasses import replace

import pytest

from metaopt.errors import UserError
from metaopt.problems.augmentation_policy import AugmentationPolicy
from metaopt.problems.training_config import Training, with_recipe, with_schedule


def test_from_point_reads_the_fields_that_a_point_has() -> None:
    point = {"learning_rate": "0.1", "schedule": "cosine", "mixup": 0, "cutout": 7.0, "weight_decay": 1, "depth": 3}
    training = Training.from_point(point)
    expected = Training(learning_rate=0.1, schedule="cosine", cutout=7, weight_decay=1.0)
    assert training == expected
    assert isinstance(training.cutout, int)
    assert Training.from_point({"label_smoothing": 0.1, "mixup": 0.2}) == Training(label_smoothing=0.1, mixup=0.2)
    assert Training.from_point(3) == Training()


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"schedule": "cosin"}, "Invalid value for schedule: cosin. Did you mean cosine?"),
        (
            {"schedule": "xyz"},
            "Invalid value for schedule: xyz. Expected one of constant, cooldown, cosine, cosine-rung.",
        ),
        ({"label_smoothing": 1.0}, "Invalid value for label_smoothing: 1.0. Expected a number in [0, 1)."),
        ({"mixup": -0.5}, "Invalid value for mixup: -0.5. Expected a number >= 0."),
        ({"weight_decay": -1e-4}, "Invalid value for weight_decay: -0.0001"),
        ({"cutout": -2}, "Invalid value for cutout: -2"),
    ],
)
def test_invalid_values_are_rejected(fields, message) -> None:
    with pytest.raises(UserError) as caught:
        Training(**fields)
    assert message in str(caught.value)


def test_with_schedule_replaces_the_schedule() -> None:
    training = Training(learning_rate=0.3, schedule="cosine")
    assert with_schedule(training, None) is training
    assert with_schedule(training, "constant") == Training(learning_rate=0.3)


def test_an_augmentation_is_read_where_it_is_a_policy() -> None:
    policy = AugmentationPolicy(flip=0.5)
    assert Training.from_point({"augmentation": policy}).augmentation == policy
    assert Training.from_point({"augmentation": "flip"}).augmentation is None  # a key of an older problem
    with pytest.raises(UserError, match=r"Invalid value for augmentation: 'flip'. Expected an AugmentationPolicy"):
        Training(augmentation="flip")  # type: ignore[arg-type]


def test_labels_are_soft_where_images_are_mixed_or_labels_smoothed() -> None:
    assert not Training(augmentation=AugmentationPolicy(flip=0.5)).has_soft_labels
    assert Training(augmentation=AugmentationPolicy(cutmix=1.0)).has_soft_labels
    assert Training(mixup=0.2).has_soft_labels
    assert Training(label_smoothing=0.1).has_soft_labels
    assert not Training(label_smoothing=0.1).mixes_images


@pytest.mark.parametrize(("name", "value"), [("mixup", 0.2), ("cutout", 0.3)])
def test_a_strength_is_given_once(name: str, value: float) -> None:
    with pytest.raises(UserError, match=f"The augmentation has {name} too: {value}. Leave one of them out."):
        Training(**{name: 4}, augmentation=AugmentationPolicy(**{name: value}))  # type: ignore[arg-type]


def test_a_recipe_replaces_strengths_of_the_augmentation() -> None:
    training = Training(augmentation=AugmentationPolicy(flip=0.5, mixup=0.2))
    assert with_recipe(training, {"mixup": 0.4}) == Training(mixup=0.4, augmentation=AugmentationPolicy(flip=0.5))
    assert with_recipe(training, {"label_smoothing": 0.1}) == replace(training, label_smoothing=0.1)
    assert with_recipe(Training(), {"mixup": 0.4}) == Training(mixup=0.4)


def test_trainings_without_a_policy_compare_as_in_earlier_versions() -> None:
    earlier = ["optimizer", "learning_rate", "batch_size", "loss_weights", "schedule", "weight_decay"]
    earlier += ["label_smoothing", "mixup", "cutout", "options", "extra"]
    assert list(Training().to_plain()) == earlier
    assert Training(augmentation=AugmentationPolicy(flip=0.5)).to_plain()["augmentation"] == {"flip": 0.5}
