"""Metrics of predicted images, with pixels in 0..1 and an optional mask of the pixels that count."""

from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]

_SMALLEST_MSE = 1e-10  # PSNR is at most 100 dB, also for a perfect image
_CHUNK = 256  # images whose SSIM is computed at a time
# Wang et al. 2004, doi:10.1109/TIP.2003.819861, section III: Gaussian window of 11×11 with σ = 1.5, K₁ and K₂.
_SIGMA, _REACH, _K1, _K2 = 1.5, 5, 0.01, 0.03


def mean_over_pixels(values: Array, mask: Array | None) -> Array:
    """Return the mean over the pixels that count of each image, ``(n,)``; 0 for an image with an empty mask.

    Args:
        values: ``(n, h, w, c)``.
        mask: ``(n, h, w, 1)``, 0 or 1; None where all count.
    """
    if mask is None:
        return values.mean(axis=(1, 2, 3))
    weights = np.broadcast_to(mask, values.shape).sum(axis=(1, 2, 3))
    return (values * mask).sum(axis=(1, 2, 3)) / np.maximum(weights, 1)


def psnr(mse: Array) -> Array:
    """Return the peak signal-to-noise ratio in dB for a peak of 1, 10 log₁₀(1 / MSE), at most 100."""
    return -10 * np.log10(np.maximum(mse, _SMALLEST_MSE))


def ssim(predictions: Array, targets: Array, mask: Array | None) -> Array:
    """Return the structural similarity of each image, ``(n,)``, the mean over pixels that count and channels.

    Wang et al. 2004, doi:10.1109/TIP.2003.819861, equation 13. Borders are reflected, so that images smaller than the
    window have one, too.
    """
    parts = []
    for start in range(0, len(targets), _CHUNK):
        rows = slice(start, start + _CHUNK)
        each = _ssim_map(predictions[rows].astype(np.float64), targets[rows].astype(np.float64))
        parts.append(mean_over_pixels(each, None if mask is None else mask[rows]))
    return np.concatenate(parts)


def _ssim_map(a: Array, b: Array) -> Array:
    mean_a, mean_b = _smooth(a), _smooth(b)
    variance_a = _smooth(a * a) - mean_a**2
    variance_b = _smooth(b * b) - mean_b**2
    covariance = _smooth(a * b) - mean_a * mean_b
    c1, c2 = _K1**2, _K2**2
    return ((2 * mean_a * mean_b + c1) * (2 * covariance + c2)) / (
        (mean_a**2 + mean_b**2 + c1) * (variance_a + variance_b + c2)
    )


def _smooth(images: Array) -> Array:
    from scipy.ndimage import gaussian_filter  # takes a moment to import

    return gaussian_filter(images, (0, _SIGMA, _SIGMA, 0), mode="reflect", truncate=_REACH / _SIGMA)
