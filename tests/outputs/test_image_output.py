import numpy as np
import pytest

from metaopt.blueprint import Dense
from metaopt.errors import UserError
from metaopt.outputs import ImageOutput
from metaopt.outputs.image_metrics import psnr, ssim

RNG = np.random.default_rng(0)
TARGETS = RNG.integers(0, 256, (4, 16, 16, 3), np.uint8)
OUTPUT = ImageOutput((16, 16, 3))


def test_a_perfect_image_has_ssim_1_and_psnr_100() -> None:
    metrics = OUTPUT.measure(TARGETS.astype(np.float32), TARGETS)
    assert metrics["mse"] == metrics["mae"] == metrics["loss"] == 0.0
    assert metrics["ssim"] == pytest.approx(1.0)
    assert metrics["psnr"] == pytest.approx(100.0)


def test_psnr_of_a_constant_error_is_known() -> None:
    predicted = np.full((1, 8, 8, 1), 25.5, np.float32)
    metrics = ImageOutput((8, 8, 1)).measure(predicted, np.zeros((1, 8, 8, 1), np.uint8))
    assert metrics["mse"] == pytest.approx(0.01)
    assert metrics["psnr"] == pytest.approx(20.0)
    assert psnr(np.array([0.01]))[0] == pytest.approx(20.0)


def test_pixels_outside_the_mask_do_not_count() -> None:
    output = ImageOutput((16, 16, 3), has_mask=True)
    mask = np.zeros((4, 16, 16, 1), np.uint8)
    mask[:, :4] = 255
    targets = np.concatenate([TARGETS, mask], axis=3)
    predicted = TARGETS.astype(np.float32)
    predicted[:, 8:] = 0
    assert output.measure(predicted, targets)["mse"] == 0.0
    predicted[:, :2] = 0
    expected = ((TARGETS[:, :4] / 255.0) ** 2)[:, :2].sum(axis=(1, 2, 3)) / (4 * 16 * 3)
    assert output.measure(predicted, targets)["mse"] == pytest.approx(expected.mean(), rel=1e-5)


def test_decoding_clips_and_scales_pixels() -> None:
    assert OUTPUT.decode(np.array([-0.5, 0.5, 1.5])).tolist() == [0.0, 127.5, 255.0]


def test_a_dense_layer_refuses_an_image_output() -> None:
    with pytest.raises(UserError, match="such as autoencoder"):
        Dense(OUTPUT)


@pytest.mark.slow
def test_ssim_agrees_with_tensorflow_inside_the_border() -> None:
    """TensorFlow leaves out the border that its window does not fit into."""
    tf = pytest.importorskip("tensorflow")
    from metaopt.outputs.image_metrics import _ssim_map

    a, b = RNG.random((2, 24, 24, 1)), RNG.random((2, 24, 24, 1))
    b = 0.7 * a + 0.3 * b
    expected = tf.image.ssim(tf.constant(a), tf.constant(b), 1.0).numpy()
    inside = _ssim_map(a, b)[:, 5:-5, 5:-5].mean(axis=(1, 2, 3))
    np.testing.assert_allclose(inside, expected, rtol=1e-3)
    assert ssim(a, b, None).shape == (2,)
