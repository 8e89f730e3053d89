import pytest

from metaopt.errors import UserError
from metaopt.problems.augmentation_policy import AugmentationPolicy


def test_strengths_are_zero_by_default() -> None:
    assert AugmentationPolicy().strengths == {}
    assert not AugmentationPolicy().mixes_images


def test_groups_may_be_nested() -> None:
    values = {"flip": 0.5, "frame": {"crop": 0.92}, "randaugment": {}, "colour": {"brightness": 0.2}}
    assert AugmentationPolicy.from_values(values) == AugmentationPolicy(flip=0.5, crop=0.92, brightness=0.2)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"rotation": 10}, "Unknown strength of the augmentation: rotation. Did you mean rotate?"),
        ({"rotate": 181}, r"Invalid value for rotate of the augmentation: 181.0. Expected a number in \[0, 180\]."),
        ({"cutout": 0.6}, r"Invalid value for cutout of the augmentation: 0.6. Expected a number in \[0, 0.5\]."),
        ({"mixup": -1}, "Invalid value for mixup of the augmentation: -1.0. Expected a number >= 0."),
        ({"mixup": float("inf")}, "Invalid value for mixup of the augmentation: inf. Expected a number >= 0."),
        ({"zoom": float("nan")}, "Invalid value for zoom of the augmentation: nan."),
        ({"flip": "half"}, "Invalid value for flip of the augmentation: 'half'. Expected a number."),
        ({"flip": 0.5, "more": {"flip": 0.5}}, "The strength flip of the augmentation is given twice."),
    ],
)
def test_invalid_strengths_are_refused(values, message: str) -> None:
    with pytest.raises(UserError, match=message):
        AugmentationPolicy.from_values(values)


def test_scaled_strengths_stay_in_their_range() -> None:
    policy = AugmentationPolicy(flip=0.5, rotate=20, cutout=0.3, randaugment_count=2, randaugment_magnitude=6)
    stronger = policy.scaled(4)
    assert stronger == AugmentationPolicy(
        flip=0.5, rotate=80, cutout=0.5, randaugment_count=2, randaugment_magnitude=10
    )
    assert policy.scaled(1) == policy
    assert policy.scaled(0.5).rotate == 10


def test_images_keep_their_labels_without_mixing() -> None:
    policy = AugmentationPolicy(flip=0.5, mixup=0.2, cutmix=1.0)
    assert policy.mixes_images
    assert policy.without_mixing() == AugmentationPolicy(flip=0.5)
