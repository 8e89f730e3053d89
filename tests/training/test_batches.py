import numpy as np
import pytest

from metaopt.data import ArrayImages
from metaopt.data.augment import SIGNAL_NOISE, Augmentation
from metaopt.data.standardization import Standardization
from metaopt.problems.augmentation_policy import AugmentationPolicy
from metaopt.problems.training_config import Training

pytestmark = pytest.mark.slow  # imports Keras

IMAGES = np.random.default_rng(0).integers(0, 256, (23, 4, 4, 1), np.uint8)
EVERY_AUGMENTATION = AugmentationPolicy(
    *(0.5, 0.25, 20, 0.2, 0.5),  # flip, shift, rotate, zoom, crop
    *(0.3, 0.3, 0.3),  # brightness, contrast, saturation
    *(2, 8),  # RandAugment
    *(0.5, 0.8, 0.8),  # cutout, mixup, CutMix
)
DATA = ArrayImages(IMAGES, {"label": np.arange(23, dtype=np.int32)})


def batches(seed: int = 0, trial: int = 0, size: int = 10, kind: Augmentation = "none", soft=None, **fields):
    from metaopt.training.batches import TrainingBatches

    training = Training(batch_size=size, **fields)
    return TrainingBatches(DATA, kind, training, lambda labels: labels["label"], seed, trial, soft)


def epoch(made, number: int, indices=None):
    made.set_epoch(number)
    parts = [made[i] for i in (range(made.num_batches) if indices is None else indices)]
    return np.concatenate([part[0] for part in parts]), np.concatenate([part[1] for part in parts])


def test_scale_gives_float32_around_zero() -> None:
    from metaopt.training.batches import scale

    scaled = scale(np.array([0, 255], np.uint8))
    assert scaled.dtype == np.float32
    assert scaled.tolist() == [-0.5, 0.5]


def test_an_epoch_has_every_image_once_with_its_label() -> None:
    from metaopt.training.batches import scale

    images, labels = epoch(batches(), 0)
    assert sorted(labels) == list(range(23))
    np.testing.assert_array_equal(images, scale(IMAGES[labels]))
    assert [len(batches()[i][1]) for i in range(3)] == [10, 10, 3]


def test_the_batch_size_is_at_most_the_number_of_images() -> None:
    made = batches(size=700)
    assert made.num_batches == 1
    assert len(made[0][1]) == 23


@pytest.mark.parametrize("kind", ["none", "flip", "shift", "flip+shift", "flip+shift+colour"])
@pytest.mark.parametrize(
    "more",
    [
        {},
        {"soft": {"label": 23}, "mixup": 0.8, "cutout": 2},
        {"soft": {"label": 23}, "augmentation": EVERY_AUGMENTATION},
    ],
)
def test_an_epoch_depends_on_seed_trial_and_epoch_only(kind: Augmentation, more) -> None:
    first = epoch(batches(seed=3, trial=4, kind=kind, **more), 5)
    made = batches(seed=3, trial=4, kind=kind, **more)
    for number in (0, 9, 5):  # whichever epochs were requested before
        again = epoch(made, number)
    for one, other in zip(first, again, strict=True):
        np.testing.assert_array_equal(one, other)
    for seed, trial, number in ((4, 4, 5), (3, 5, 5), (3, 4, 6)):
        assert (epoch(batches(seed=seed, trial=trial, kind=kind, **more), number)[1] != first[1]).any()


def test_soft_labels_belong_to_the_same_images() -> None:
    plain, soft = epoch(batches(), 1), epoch(batches(soft={"label": 23}), 1)
    np.testing.assert_array_equal(plain[0], soft[0])
    np.testing.assert_array_equal(soft[1], np.eye(23, dtype=np.float32)[plain[1]])
    assert soft[1].dtype == np.float32


def test_mixup_labels_match_the_mixed_images() -> None:
    from metaopt.training.batches import scale

    images, labels = epoch(batches(soft={"label": 23}, mixup=1.0), 0)
    np.testing.assert_allclose(images, np.tensordot(labels, scale(IMAGES), axes=1), atol=1e-6)
    assert (labels.max(axis=1) < 1).mean() > 0.5


def test_cutout_does_not_change_order_and_shifts() -> None:
    plain, cut = epoch(batches(kind="shift"), 3), epoch(batches(kind="shift", cutout=2), 3)
    np.testing.assert_array_equal(plain[1], cut[1])
    assert ((cut[0] == plain[0]) | (cut[0] == 0)).all()
    assert (cut[0] != plain[0]).any()


def test_a_batch_does_not_depend_on_earlier_batches() -> None:
    made = batches(kind="flip")
    whole = epoch(made, 2)[0]
    np.testing.assert_array_equal(epoch(made, 2, indices=[1])[0], whole[10:20])


class Model:
    """Predicts class 0 with the mean of an image as its probability, and records the batch sizes."""

    def __init__(self) -> None:
        self.sizes: list[int] = []

    def predict_on_batch(self, images: np.ndarray) -> np.ndarray:
        self.sizes.append(len(images))
        first = images.mean(axis=(1, 2, 3)) + 0.5
        return np.stack([first, 1 - first], axis=1)


@pytest.mark.parametrize("count", [1, 127, 128, 129, 500])
def test_validation_predicts_every_image_in_equal_batches(count: int) -> None:
    from metaopt.training.batches import Validation

    images = np.random.default_rng(0).integers(0, 256, (count, 4, 4, 1), np.uint8)
    data = ArrayImages(images, {"label": np.zeros(count, np.int32)})
    model = Model()
    probabilities = Validation(data, ["label"], batch_size=20).predict(model)["label"]
    np.testing.assert_allclose(probabilities[:, 0], images.mean(axis=(1, 2, 3)) / 255, rtol=1e-4)
    assert len(set(model.sizes)) == 1
    assert sum(model.sizes) - count < len(model.sizes)


@pytest.mark.parametrize(
    ("output", "packed"),
    [
        ({"fine": 0, "coarse": 0}, {"fine": 1, "coarse": 2}),
        ([0, 0], (1, 2)),
        ((0,), (1,)),
        (0, 1),
    ],
)
def test_labels_are_packed_like_the_output(output, packed) -> None:
    from metaopt.training.batches import make_label_packer

    heads = ["fine", "coarse"][: len(packed) if isinstance(packed, tuple) else 2]
    assert make_label_packer(output, heads)({"fine": 1, "coarse": 2}) == packed


@pytest.mark.parametrize("output", [{"coarse": 2, "fine": 1}, [1, 2], (1, 2)])
def test_outputs_are_returned_by_head(output) -> None:
    from metaopt.training.batches import outputs_by_head

    assert list(outputs_by_head(output, ["fine", "coarse"]).items()) == [("fine", 1), ("coarse", 2)]
    assert outputs_by_head(3, ["fine"]) == {"fine": 3}


@pytest.mark.parametrize(("count", "batch_size", "steps"), [(23, 10, 3), (20, 10, 2), (5, 700, 1), (1, 1, 1)])
def test_steps_per_epoch_include_the_last_smaller_batch(count: int, batch_size: int, steps: int) -> None:
    from metaopt.training.batches import steps_per_epoch

    assert steps_per_epoch(count, batch_size) == steps


def test_balanced_weights_count_every_class_alike() -> None:
    from metaopt.outputs import ClassOutput, NumberOutput
    from metaopt.training.batches import TrainingBatches, weigh_classes

    labels = np.repeat([0, 1], [18, 5]).astype(np.int32)
    outputs = {"label": ClassOutput(("a", "b")), "age": NumberOutput(("age",))}
    images = ArrayImages(IMAGES, {"label": labels, "age": np.arange(23.0)[:, None]})
    assert weigh_classes(images, outputs, "none") is None
    weights = weigh_classes(images, outputs, "balanced")
    assert weights is not None
    np.testing.assert_allclose(weights["label"], [23 / 36, 23 / 10], rtol=1e-6)
    made = TrainingBatches(images, "none", Training(batch_size=23), dict, 0, 0, None, 0, outputs, class_weights=weights)
    _, targets, sample_weights = made[0]
    assert sample_weights["label"].sum() == pytest.approx(23)
    sums = [sample_weights["label"][targets["label"] == label].sum() for label in (0, 1)]
    assert sums[0] == pytest.approx(sums[1])
    assert (sample_weights["age"] == 1).all()


def test_mixed_labels_have_mixed_weights() -> None:
    from metaopt.outputs import ClassOutput
    from metaopt.training.batches import TrainingBatches

    outputs = {"label": ClassOutput.of(23)}
    weights = {"label": np.arange(23, dtype=np.float32)}
    made = TrainingBatches(DATA, "none", Training(mixup=1.0), dict, 0, 0, {"label": 23}, 0, outputs, weights)
    _, targets, sample_weights = made[0]
    np.testing.assert_allclose(sample_weights["label"], targets["label"] @ np.arange(23.0), rtol=1e-5)


def test_image_targets_and_masks_move_with_the_image() -> None:
    from metaopt.outputs import ImageOutput
    from metaopt.training.batches import TrainingBatches

    targets = np.concatenate([IMAGES, 255 - IMAGES], axis=3)
    images = ArrayImages(IMAGES, {"label": targets})
    outputs = {"label": ImageOutput((4, 4, 1), has_mask=True)}
    made = TrainingBatches(images, "flip+shift", Training(batch_size=23), dict, 0, 0, None, 0, outputs)
    pixels, encoded = made[0]
    np.testing.assert_allclose(encoded["label"][..., 0], pixels[..., 0] + 0.5, atol=1e-6)
    np.testing.assert_allclose(encoded["label"][..., 1], 0.5 - pixels[..., 0], atol=1e-6)
    assert not np.array_equal(np.sort(pixels.sum(axis=(1, 2, 3))), np.sort((IMAGES / 255 - 0.5).sum(axis=(1, 2, 3))))


def test_validation_predicts_in_the_units_of_the_targets() -> None:
    import keras

    from metaopt.outputs import NumberOutput
    from metaopt.training.batches import Validation

    output = NumberOutput(("age",), (40.0,), (10.0,))
    images = ArrayImages(IMAGES, {"label": np.full((23, 1), 41.0)})
    inputs = keras.Input((4, 4, 1))
    zero = keras.layers.Dense(1, kernel_initializer="zeros")(keras.layers.Flatten()(inputs))
    predicted = Validation(images, ["label"], 8, {"label": output}).predict(keras.Model(inputs, zero))
    assert predicted["label"].tolist() == [[40.0]] * 23


def test_signals_are_standardised_then_augmented() -> None:
    from metaopt.training.batches import TrainingBatches, Validation

    signals = np.random.default_rng(0).normal(1000, 50, (23, 40, 2)).astype(np.float32)
    data = ArrayImages(signals, {"label": np.arange(23, dtype=np.int32)})
    standardization = Standardization.fitted(data)
    made = TrainingBatches(
        *(data, "none", Training(batch_size=10), lambda labels: labels["label"], 0, 0), standardization=standardization
    )
    found, labels = epoch(made, 0)
    np.testing.assert_array_equal(found, standardization.apply(signals)[labels])
    noisy = TrainingBatches(
        *(data, "noise", Training(batch_size=10), lambda labels: labels["label"], 0, 0), standardization=standardization
    )
    changed, same = epoch(noisy, 0)
    assert (same == labels).all()
    assert (changed - found).std() == pytest.approx(SIGNAL_NOISE, rel=0.1)  # in units of standardised signals
    assert (epoch(noisy, 0)[0] == changed).all()
    assert (epoch(noisy, 1)[0] != changed).any()
    validation = Validation(data, ["label"], 10, None, standardization)
    np.testing.assert_array_equal(validation._read([3, 1]), standardization.apply(signals[[3, 1]]))
