"""Standardisation of signals."""

import json

import numpy as np
import pytest

from metaopt.data import standardization
from metaopt.data.images import ArrayImages
from metaopt.data.standardization import Standardization

RNG = np.random.default_rng(0)
SIGNALS = (RNG.standard_normal((50, 30, 3)) * (1, 200, 1e-3) + (0, 1e4, 5)).astype(np.float32)


def images(signals: np.ndarray) -> ArrayImages:
    return ArrayImages(signals, {"label": np.zeros(len(signals), np.int32)})


def test_channels_have_mean_0_and_deviation_1(monkeypatch) -> None:
    monkeypatch.setattr(standardization, "_CHUNK", 7)  # moments of chunks are merged
    fitted = Standardization.fitted(images(SIGNALS))
    exact = SIGNALS.astype(np.float64)
    assert fitted.mean == pytest.approx(exact.mean(axis=(0, 1)).tolist(), rel=1e-9)
    assert fitted.deviation == pytest.approx(exact.std(axis=(0, 1)).tolist(), rel=1e-6)
    scaled = fitted.apply(SIGNALS)
    assert scaled.dtype == np.float32
    assert scaled.mean(axis=(0, 1)) == pytest.approx([0, 0, 0], abs=2e-3)
    assert scaled.std(axis=(0, 1)) == pytest.approx([1, 1, 1], abs=2e-3)


def test_constant_channels_are_not_enlarged() -> None:
    signals = np.full((5, 8, 2), (0.1, 0.0), np.float32)
    signals[0, 0, 0] = np.nextafter(np.float32(0.1), np.float32(1))
    fitted = Standardization.fitted(images(signals))
    assert fitted.deviation == (1.0, 1.0)
    assert np.abs(fitted.apply(signals)).max() < 1e-6


def test_a_stored_standardization_is_the_same() -> None:
    fitted = Standardization.fitted(images(SIGNALS))
    assert Standardization.read(json.loads(json.dumps(fitted.describe()))) == fitted
