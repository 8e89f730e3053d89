import numpy as np
import pytest

from metaopt.data.augment import (
    SIGNAL_AUGMENTATIONS,
    SIGNAL_NOISE,
    SIGNAL_SCALING,
    augment,
    augment_signals,
    cutout,
    mixup,
)


def images(n: int = 200, height: int = 16, width: int = 24, channels: int = 3) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (n, height, width, channels), np.uint8)


def test_none_returns_the_same_array() -> None:
    batch = images()
    assert augment(batch, "none", np.random.default_rng(0)) is batch


def test_flip_mirrors_about_half_of_the_images() -> None:
    batch = images()
    flipped = augment(batch, "flip", np.random.default_rng(1))
    mirrored = (flipped == batch[:, :, ::-1]).all(axis=(1, 2, 3))
    same = (flipped == batch).all(axis=(1, 2, 3))
    assert (mirrored ^ same).all()
    assert 70 < mirrored.sum() < 130


def test_shift_moves_by_up_to_an_eighth_of_the_side() -> None:
    batch = images()
    shifted = augment(batch, "shift", np.random.default_rng(2))
    assert shifted.shape == batch.shape
    assert shifted.dtype == np.uint8
    padded = np.pad(batch, ((0, 0), (2, 2), (3, 3), (0, 0)), mode="edge")
    seen = set()
    for before, after in zip(padded, shifted, strict=True):
        offsets = [(y, x) for y in range(5) for x in range(7) if (before[y : y + 16, x : x + 24] == after).all()]
        assert offsets
        seen.add(offsets[0])
    assert len(seen) > 30


def test_small_images_shift_by_one_pixel() -> None:
    batch = images(height=4, width=4, channels=1)
    assert (augment(batch, "shift", np.random.default_rng(0)) != batch).any()


def test_flip_and_shift_combine_both() -> None:
    batch = images()
    rng = np.random.default_rng(2)
    expected = augment(augment(batch, "flip", rng), "shift", rng)
    assert (augment(batch, "flip+shift", np.random.default_rng(2)) == expected).all()
    mirrored = (augment(batch, "flip", np.random.default_rng(2)) != batch).any(axis=(1, 2, 3))
    moved = (expected[~mirrored] != batch[~mirrored]).any(axis=(1, 2, 3))
    assert mirrored.any()
    assert moved.mean() > 0.9


@pytest.mark.parametrize("kind", ["flip", "shift", "flip+shift", "flip+shift+colour"])
def test_augmentation_is_reproducible_and_copies(kind) -> None:
    batch = images()
    before = batch.copy()
    first = augment(batch, kind, np.random.default_rng(3))
    assert (first == augment(batch, kind, np.random.default_rng(3))).all()
    assert (first != augment(batch, kind, np.random.default_rng(4))).any()
    assert (batch == before).all()


@pytest.mark.parametrize("kind", ["none", "flip", "shift", "flip+shift", "flip+shift+colour"])
def test_augment_accepts_an_empty_batch(kind) -> None:
    assert augment(images(0), kind, np.random.default_rng(0)).shape == (0, 16, 24, 3)


def test_cutout_covers_one_square_centred_anywhere() -> None:
    batch = np.ones((2000, 8, 12, 2), np.float32)
    cut = cutout(batch, 3, np.random.default_rng(0))
    assert batch.all()
    centres = set()
    for image in cut:
        assert (image[..., 0] == image[..., 1]).all()
        rows, columns = np.nonzero(image[..., 0] == 0)
        top, bottom, left, right = rows.min(), rows.max(), columns.min(), columns.max()
        assert len(rows) == (bottom - top + 1) * (right - left + 1)
        # Smaller than 3 x 3 only where a border cuts it.
        assert bottom - top == 2 or (bottom - top == 1 and (top == 0 or bottom == 7))
        assert right - left == 2 or (right - left == 1 and (left == 0 or right == 11))
        centres.add(
            (top + 1 if bottom - top == 2 or bottom == 7 else 0, left + 1 if right - left == 2 or right == 11 else 0)
        )
    assert len(centres) == 8 * 12
    # With every centre equally likely, (3·8 − 2)/8 rows and (3·12 − 2)/12 columns are covered on average.
    assert (cut == 0).mean() == pytest.approx(22 / 8 * 34 / 12 / 96, rel=0.02)


@pytest.mark.parametrize(("length", "most"), [(0, 0), (1, 1), (20, 16), (4, 16)])
def test_cutout_covers_at_most_half_of_the_side(length: int, most: int) -> None:
    cut = cutout(np.ones((300, 8, 30, 1), np.float32), length, np.random.default_rng(1))
    assert (cut == 0).sum(axis=(1, 2, 3)).max() == most


def test_mixup_mixes_images_and_labels_with_the_same_weight() -> None:
    n = 64
    numbers = np.eye(n, dtype=np.float32)  # each image records what it is mixed of
    batch = numbers.reshape(n, 8, 8, 1)
    labels = {"fine": numbers, "coarse": np.repeat(np.eye(2, dtype=np.float32), n // 2, axis=0)}
    mixed, soft = mixup(batch, labels, 0.4, np.random.default_rng(5))
    np.testing.assert_allclose(mixed.reshape(n, n), soft["fine"])
    share = np.random.default_rng(5).beta(0.4, 0.4)
    own = np.diagonal(soft["fine"])
    changed = own < 1
    assert changed.sum() > n - 8
    np.testing.assert_allclose(own[changed], share, rtol=1e-6)
    for values in soft.values():
        np.testing.assert_allclose(values.sum(axis=1), 1, rtol=1e-6)
    np.testing.assert_allclose(soft["coarse"][:, 0], soft["fine"][:, : n // 2].sum(axis=1), rtol=1e-6)
    assert mixed.dtype == soft["fine"].dtype == np.float32
    assert (np.diagonal(labels["fine"]) == 1).all()


def test_mixup_weights_follow_the_beta_distribution() -> None:
    """Beta(α, α) has the mean 1/2 and the variance 1 / (4 (2α + 1))."""
    pair = np.array([0.0, 1.0], np.float32).reshape(2, 1, 1, 1)
    shares = []
    for seed in range(4000):
        mixed, _ = mixup(pair, {}, 0.7, np.random.default_rng(seed))
        if mixed[0, 0, 0, 0] != 0:  # mixed with the other one, not with itself
            shares.append(mixed[1, 0, 0, 0])
    assert 1900 < len(shares) < 2100
    assert np.mean(shares) == pytest.approx(0.5, abs=0.03)
    assert np.var(shares) == pytest.approx(1 / (4 * 2.4), rel=0.06)


def test_mixup_with_alpha_0_does_nothing() -> None:
    batch, labels = np.ones((3, 2, 2, 1), np.float32), {"label": np.eye(3, dtype=np.float32)}
    mixed, same = mixup(batch, labels, 0.0, np.random.default_rng(0))
    assert mixed is batch
    assert same == labels


def test_colour_jitter_has_the_expected_strength():
    rng = np.random.default_rng(0)
    batch = rng.integers(80, 176, (400, 8, 8, 3)).astype(np.uint8)
    seen = augment(batch, "flip+shift+colour", np.random.default_rng(1)).astype(float)
    assert abs(seen.mean() - batch.mean()) < 2  # brightness goes either way
    brightness = seen.mean(axis=(1, 2, 3)) - batch.mean(axis=(1, 2, 3))
    assert 10 < np.abs(brightness).max() < 0.1 * 255 + 3
    contrast = seen.std(axis=(1, 2, 3)) / batch.std(axis=(1, 2, 3))
    assert 0.6 < contrast.min() < 0.85 < 1.15 < contrast.max() < 1.5


def test_colour_jitter_keeps_grey_images_grey():
    batch = np.full((4, 6, 6, 3), 100, np.uint8)
    seen = augment(batch, "flip+shift+colour", np.random.default_rng(1))
    assert np.ptp(seen, axis=(1, 2, 3)).max() == 0
    assert len(np.unique(seen)) > 1


@pytest.mark.parametrize("channels", [1, 2, 4, 7])
def test_bands_are_brightened_together(channels: int) -> None:
    rng = np.random.default_rng(0)
    batch = np.tile(rng.integers(90, 160, (30, 6, 6, 1), np.uint8), channels)
    seen = augment(batch, "flip+shift+colour", np.random.default_rng(1))
    assert (seen == seen[..., :1]).all()
    ramp = np.linspace(60, 200, channels).astype(np.uint8) + np.zeros((30, 6, 6, 1), np.uint8)
    colours = augment(ramp, "flip+shift+colour", np.random.default_rng(1)).astype(float)
    # One factor and one offset for all bands of an image: differences of bands keep their ratios.
    if channels > 2:
        steps = np.diff(colours, axis=3)
        wanted = np.diff(ramp[0, 0, 0].astype(float))
        assert np.allclose(steps / steps.sum(axis=3, keepdims=True), wanted / wanted.sum(), atol=0.03)


SINES = np.sin(np.linspace(0, 9, 64, dtype=np.float32))[None, :, None] * np.ones((200, 1, 2), np.float32)


@pytest.mark.parametrize("kind", SIGNAL_AUGMENTATIONS)
def test_augmented_signals_repeat_and_keep_the_original(kind) -> None:
    before = SINES.copy()
    seen = augment_signals(SINES, kind, np.random.default_rng(3))
    assert (augment_signals(SINES, kind, np.random.default_rng(3)) == seen).all()
    assert (before == SINES).all()
    assert (seen.shape, seen.dtype) == (SINES.shape, np.float32)
    assert (seen is SINES) == (kind == "none")


def test_signals_are_shifted_by_an_eighth_at_most() -> None:
    seen = augment_signals(SINES, "shift", np.random.default_rng(0))
    shifts = []
    for signal in seen:
        fitting = [
            s for s in range(-8, 9) if np.array_equal(signal[10:-10], SINES[0, 10 + s : SINES.shape[1] - 10 + s])
        ]
        shifts += fitting
    assert len(shifts) == len(seen)
    assert set(shifts) == set(range(-8, 9))
    assert (seen[:, 0] == SINES[0, np.clip(shifts, 0, None)]).all()  # the first value is repeated


def test_scaling_and_noise_have_the_stated_deviation() -> None:
    flat = np.ones((4000, 20, 2), np.float32)
    scaled = augment_signals(flat, "scale", np.random.default_rng(0))
    assert (scaled == scaled[:, :1]).all()
    assert scaled[:, 0].std() == pytest.approx(SIGNAL_SCALING, rel=0.05)
    assert np.corrcoef(scaled[:, 0].T)[0, 1] == pytest.approx(0, abs=0.05)  # each channel has its own factor
    noisy = augment_signals(flat, "noise", np.random.default_rng(0))
    assert noisy.std() == pytest.approx(SIGNAL_NOISE, rel=0.05)
    assert noisy.mean() == pytest.approx(1, abs=0.001)


def test_cutout_of_a_signal_is_a_window() -> None:
    seen = cutout(np.ones((500, 30, 2), np.float32), 7, np.random.default_rng(0))
    assert (seen[..., 0] == seen[..., 1]).all()
    for signal in seen[..., 0]:
        covered = np.flatnonzero(signal == 0)
        assert 4 <= len(covered) <= 7
        assert (np.diff(covered) == 1).all()
